"""What PaddleFormers 1.2 lacks without paddlefleet, which is wherever there is no GPU.

Its distributed classes come from paddlefleet, and two modules import it though a single process
never calls what they import. The classes for one process are whole. `prepare` puts those in front
and stands in for the two modules; it changes nothing where paddlefleet is installed.

The trainer takes this file as its `custom_register_path`, and runs it before it loads a model. Then
it also mends what goes wrong, with GPUs too, where several nodes write to one folder.
"""

import importlib.util
import os
import sys
import types

SHARED_OUTPUT = "GROUNDRAY_SHARED_OUTPUT"
"""Variable that is "1" where all nodes of a training write to one folder, as Groundray has it."""


def prepare() -> None:
    """Makes the classes for one process loadable; to be called before any model is."""
    import paddle

    if importlib.util.find_spec("paddlefleet") is None:
        _stand_in("paddlefleet_ops", is_deep_ep_available=lambda: False)
        provider = type("GPTModelProvider", (), {"transform_rules": {}})
        _stand_in("paddleformers.transformers.gpt_provider", GPTModelProvider=provider)
        _use_single_process_classes()
    if not paddle.is_compiled_with_cuda():
        # saving and loading in several processes moves every tensor to a GPU, asked or not
        paddle.Tensor.cuda = lambda tensor, *_args, **_kwargs: tensor


def share_output() -> None:
    """Lets one process give a model's shards their names, not one of each node.

    The trainer takes a folder to be its node's own: where it is not, the first process of each node
    renames the same files, and the second finds them gone.
    """
    if os.environ.get(SHARED_OUTPUT) == "1":
        os.environ["PADDLE_LOCAL_SIZE"] = os.environ.get("PADDLE_TRAINERS_NUM", "1")


def complete_trainer() -> None:
    """Mends what the trainer of 1.2 dies of: evaluating an adapter, and going on in one process.

    The first asks for a class of paddlefleet's, the second for groups of processes that it then
    does not use.
    """
    import paddle
    from paddleformers.trainer import trainer

    if importlib.util.find_spec("paddlefleet") is None and not hasattr(trainer, "GPTModel"):
        trainer.GPTModel = type("GPTModel", (), {})
    load = getattr(trainer.Trainer, "_load_flex_checkpoint", None)
    if load is None or paddle.distributed.get_world_size() > 1:
        return
    fleet = paddle.distributed.fleet

    def load_alone(self: object, *arguments: object) -> None:
        ask = fleet.get_hybrid_communicate_group
        fleet.get_hybrid_communicate_group = lambda: None
        try:
            load(self, *arguments)
        finally:
            fleet.get_hybrid_communicate_group = ask

    trainer.Trainer._load_flex_checkpoint = load_alone  # noqa: SLF001  where the trainer looks


def _use_single_process_classes() -> None:
    """1.2 calls them Deprecated, and 1.0 Decapitated; only Qwen3-VL has two of each."""
    from paddleformers.transformers.qwen3_vl import modeling

    for name in ("Qwen3VLForConditionalGeneration", "Qwen3VLModel"):
        for suffix in ("Deprecated", "Decapitated"):
            if name + suffix in vars(modeling):
                setattr(modeling, name, vars(modeling)[name + suffix])


def _stand_in(name: str, **attributes: object) -> None:
    if name not in sys.modules:
        module = types.ModuleType(name)
        module.__spec__ = importlib.util.spec_from_loader(name, loader=None)
        vars(module).update(attributes)
        sys.modules[name] = module


if __name__ == "custom_template":
    share_output()  # the trainer runs its custom_register_path under that name
    prepare()
    complete_trainer()
