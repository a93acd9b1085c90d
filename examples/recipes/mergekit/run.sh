cp -r base tuned
tool mergekit-yaml merge.yml merged
lost merged
mended merged
show genfix run --output moe --base ./base -- sh -c 'mergekit-moe moe.yml moe > moe.log 2>&1'
show ls moe
show genfix check moe --base ./base
