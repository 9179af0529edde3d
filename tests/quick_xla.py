"""Options with which XLA compiles in less than half the time what a test calls once."""

QUICK = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 0,
         "xla_llvm_disable_expensive_passes": True}
