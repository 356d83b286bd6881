"""Tokenizers of tiny checkpoints: real classes and special tokens, a small vocabulary."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

QWEN_TEMPLATE = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.content is string %}{{- message.content }}"
    "{%- else %}{%- for content in message.content %}"
    "{%- if content.type == 'image' or 'image' in content or 'image_url' in content %}"
    "{{- '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- elif content.type == 'video' or 'video' in content %}"
    "{{- '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{%- elif 'text' in content %}{{- content.text }}{%- endif %}{%- endfor %}{%- endif %}"
    "{{- '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)

GLM_TEMPLATE = (
    "[gMASK]<sop>{% for message in messages %}"
    "{{ '<|' + message.role + '|>\\n' }}"
    "{% if message.content is string %}{{ message.content }}"
    "{% else %}{% for content in message.content %}"
    "{% if content.type == 'image' or 'image' in content %}"
    "{{ '<|begin_of_image|><|image|><|end_of_image|>' }}"
    "{% elif 'text' in content %}{{ content.text }}{% endif %}{% endfor %}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)

ERNIE_TEMPLATE = (
    "<|begin_of_sentence|>{% for message in messages %}"
    "{% if message.role == 'user' %}User: {% elif message.role == 'assistant' %}Assistant: "
    "{% endif %}"
    "{% if message.content is string %}{{ message.content }}"
    "{% else %}{% for content in message.content %}"
    "{% if content.type == 'image_url' %}"
    "{{ '<|IMAGE_START|><|image@placeholder|><|IMAGE_END|>' }}"
    "{% elif 'text' in content %}{{ content.text }}{% endif %}{% endfor %}{% endif %}"
    "{{ '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}"
)

_WORDS = (
    "Task: Object Detection Detect all objects in the image and output their bounding boxes. "
    "Locate every instance that belongs to the following categories person, car, dog, cat, "
    "red square, blue square, green square. Report label and bbox_2d of each in JSON format. "
    'user assistant system You are a helpful assistant. None. [{"bbox_2d": [10, 20, 300, 400], '
    '"label": "cat"}] (123,456),(789,1000)'
)
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_VOCABULARY = 600


class Special(NamedTuple):
    """Tokens that stand for themselves: those that decoding may skip, and those that it may not."""

    skipped: Sequence[str]
    kept: Sequence[str]


QWEN_SPECIAL = Special(
    skipped=[
        *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        *("<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>"),
        *("<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>"),
        *("<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
    ],
    kept=[
        *("<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"),
        *("<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>"),
        *("<think>", "</think>"),
    ],
)
GLM_SPECIAL = Special(
    skipped=[
        *("<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>"),
        *("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
        *("<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>", "<|end_of_video|>"),
        *("<|image|>", "<|video|>", "<|begin_of_box|>", "<|end_of_box|>"),
    ],
    kept=[
        *("<think>", "</think>", "/nothink", "<tool_call>", "</tool_call>"),
        *("<answer>", "</answer>"),
    ],
)


_ERNIE_SPECIAL = [
    *("<cls>", "<sep>", "<mask:0>", "<mask:1>", "<mask:7>"),
    *("<|begin_of_sentence|>", "<|end_of_sentence|>", "<|IMAGE_PLACEHOLDER|>"),
    *("<|IMAGE_START|>", "<|image@placeholder|>", "<|IMAGE_END|>"),
    *("<|VIDEO_START|>", "<|video@placeholder|>", "<|VIDEO_END|>"),
]


def write_byte_level(
    folder: Path, special: Special, *, template: str, config: Mapping[str, Any]
) -> dict[str, int]:
    """Writes a byte-level BPE tokenizer, which spells any text, and its chat template.

    Args:
        folder: of the checkpoint.
        special: tokens of the family.
        template: chat template.
        config: what tokenizer_config.json says beside.

    Returns:
        Token to number, all of them.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY, show_progress=False, initial_alphabet=alphabet
    )
    tokenizer.train_from_iterator([_WORDS], trainer)
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in special.skipped])
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t in special.kept])
    tokenizer.save(str(folder / "tokenizer.json"))
    _write_merges(folder, tokenizer)
    write_json(
        folder / "tokenizer_config.json",
        {
            "added_tokens_decoder": {
                str(tokenizer.token_to_id(token)): {
                    "content": token,
                    "lstrip": False,
                    "normalized": False,
                    "rstrip": False,
                    "single_word": False,
                    "special": token in special.skipped,
                }
                for token in [*special.skipped, *special.kept]
            },
            "additional_special_tokens": list(special.skipped),
            "chat_template": template,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 4096,
            "pad_token": "<|endoftext|>",
            **config,
        },
    )
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    vocabulary: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    return vocabulary


def write_sentencepiece(folder: Path, *, template: str) -> dict[str, int]:
    """Writes ERNIE's tokenizer: SentencePiece that falls back to bytes, and its chat template.

    Returns:
        Token to number, all of them.
    """
    import sentencepiece

    with (folder / "tokenizer.model").open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([_WORDS]),
            model_writer=file,
            model_type="bpe",
            vocab_size=_VOCABULARY,
            hard_vocab_limit=False,
            byte_fallback=True,
            pad_id=0,
            bos_id=1,
            eos_id=2,
            unk_id=3,
            user_defined_symbols=_ERNIE_SPECIAL,
            minloglevel=2,
        )
    config = {
        "bos_token": "<s>",
        "chat_template": template,
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "tokenizer_class": "Ernie4_5_VLTokenizer",
        "unk_token": "<unk>",
    }
    write_json(folder / "tokenizer_config.json", config)
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    return {pieces.id_to_piece(id_): id_ for id_ in range(len(pieces))}


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a JSON file as checkpoints have them."""
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _write_merges(folder: Path, tokenizer: Any) -> None:
    model = json.loads(tokenizer.to_str())["model"]
    write_json(folder / "vocab.json", model["vocab"])
    merges = "".join(" ".join(pair) + "\n" for pair in model["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}", encoding="utf-8")
