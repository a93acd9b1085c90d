"$PYTHON" "$RECIPE/train.py" base merged > tool.log 2>&1
show genfix repair merged --base ./base
show genfix check merged --base ./base
