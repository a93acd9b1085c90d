tool optimum-cli export openvino --model base --task text-generation-with-past --weight-format fp32 exported
lost exported
mended exported
