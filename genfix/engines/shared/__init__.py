"""What several engine views are made of: views and releases, how libraries load a folder, values as they read
them.
"""
