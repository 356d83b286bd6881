"""What a local Ray costs that does nothing: it is started and stopped.

python -m benchmarks.subjects.idle_ray
"""

import ray

if __name__ == "__main__":
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    ray.shutdown()
