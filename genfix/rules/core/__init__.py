"""What every rule is made of: findings and fixes, the context it judges from, its documentation, the
registry.
"""
