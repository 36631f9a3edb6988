"""How two processes of one program are started on CPUs (``--cpu`` alone would start one)."""

LAUNCH = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2",
          "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no",
          "--main_process_port=0")  # fmt: skip
