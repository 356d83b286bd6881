"""Which records are shown: the same ones whatever their order, and some of every mistake."""

import random
from collections.abc import Iterable, Sequence

from groundray.engine.evaluation.outcomes import BoxOutcome, ImageOutcome
from groundray.engine.report import sample
from groundray.engine.report.sample import PER_MISTAKE, UNPARSED, Pool, Sample, Sampler, mistakes_of


def outcome(
    record_id: str,
    *mistakes: tuple[str, str],
    query: str | None = None,
    issues: Sequence[str] = (),
) -> ImageOutcome:
    boxes = tuple(
        BoxOutcome(category, (0, 0, 9, 9), "small", kind, None, None, None)
        for kind, category in mistakes
    )
    return ImageOutcome(record_id, "", 10, 10, query, "", tuple(issues), None, (), boxes, {}, None)


def chosen(outcomes: Iterable[ImageOutcome], number: int, *, seed: int = 0) -> Sample:
    sampler = Sampler(number, Pool(0, seed=seed))
    sampler.add(outcomes)
    return sampler.finish()


def test_few_records_are_all_shown() -> None:
    found = chosen([outcome(str(i)) for i in range(5)], 5)
    assert (sorted(found.ids), found.looked_at, found.by_mistake) == (list("01234"), 5, 0)


def test_the_order_of_records_is_irrelevant() -> None:
    records = [outcome(str(i), ("missed", "cup")) for i in range(500)]
    shuffled = random.Random(1).sample(records, len(records))
    assert chosen(records, 20) == chosen(shuffled, 20)


def test_another_seed_is_another_sample() -> None:
    records = [outcome(str(i)) for i in range(500)]
    assert chosen(records, 20).ids != chosen(records, 20, seed=1).ids


def test_a_rare_mistake_is_always_there() -> None:
    records = [outcome(str(i), ("missed", "cup")) for i in range(2_000)]
    records[1_234] = outcome("rare", ("mislabelled", "zebra"))
    found = chosen(records, 20)
    assert "rare" in found.ids[: found.by_mistake]
    assert found.by_mistake == PER_MISTAKE + 1


def test_mistakes_take_half_of_the_sample_at_most() -> None:
    records = [outcome(str(i), ("missed", f"class {i}")) for i in range(500)]
    found = chosen(records, 20)
    assert (found.by_mistake, len(set(found.ids))) == (10, 20)


def test_two_checkpoints_share_the_sample() -> None:
    sampler = Sampler(20, Pool(0, seed=0))
    sampler.add(outcome(str(i), ("missed", "cup")) for i in range(100))
    sampler.add(outcome(str(i), ("invented", "dog")) for i in range(100))
    found = sampler.finish()
    assert (found.looked_at, found.by_mistake, len(found.ids)) == (100, PER_MISTAKE, 20)


def test_no_records_are_asked_for() -> None:
    assert chosen([outcome("1", ("missed", "cup"))], 0).ids == ()


def test_a_large_run_is_looked_at_through_a_pool() -> None:
    pool = Pool(10 * sample.POOL, seed=0)
    inside = sum(str(i) in pool for i in range(10_000))
    assert 900 < inside < 1_100
    assert all(str(i) in Pool(sample.POOL, seed=0) for i in range(1_000))


def test_a_faulty_answer_is_a_mistake_and_a_right_box_is_none() -> None:
    found = mistakes_of(outcome("1", ("right", "cup"), ("ignored", "cup"), issues=["truncated"]))
    assert found == {(UNPARSED, "")}


def test_all_expressions_are_one_class() -> None:
    found = mistakes_of(outcome("1", ("missed", "left cup"), query="left cup"))
    assert found == {("missed", "(expression)")}


def test_any_seed_will_do() -> None:
    assert Pool(1, seed=2**64 + 5).rank("a") == Pool(1, seed=5).rank("a")
