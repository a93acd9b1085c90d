cp -r base tuned
cp "$RECIPE/merge.yml" .
show genfix run --output merged --base ./base -- sh -c 'mergekit-yaml merge.yml merged > tool.log 2>&1'
show genfix check merged --base ./base
