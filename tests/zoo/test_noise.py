"""What noise hides can be restored from the target, and nothing else is touched."""

import numpy as np
import pytest

from codeward.zoo.noise import IGNORED, corrupt_spans, hide_names, mask_tokens

SENTINELS, END = tuple(range(10, 42)), 2
FIRST = 100


def restored(noisy, target):
    """Put what the target says into the places of the sentinels."""
    said, current = {}, None
    for token in target[:-1].tolist():
        if token in SENTINELS:
            current = token
            said[current] = []
        else:
            said[current].append(token)
    out = []
    for token in noisy[:-1].tolist():
        out += said[token] if token in SENTINELS else [token]
    return out


@pytest.mark.parametrize("length", [8, 20, 64, 255, 512])
def test_spans_can_be_put_back(length):
    ids = np.arange(FIRST, FIRST + length)
    for seed in range(20):
        noisy, target = corrupt_spans(ids, np.random.default_rng(seed), sentinels=SENTINELS, end=END)
        assert noisy[-1] == target[-1] == END
        assert restored(noisy, target) == ids.tolist()
        used = [token for token in noisy.tolist() if token in SENTINELS]
        assert used == list(SENTINELS[: len(used)])
        assert used
        hidden = length - (len(noisy) - 1 - len(used))
        assert abs(hidden - max(len(used), round(0.15 * length))) <= 1


def test_a_text_too_short_for_a_span_stays():
    noisy, target = corrupt_spans(np.array([100, 101]), np.random.default_rng(0), sentinels=SENTINELS, end=END)
    assert noisy.tolist() == [100, 101, END]
    assert target.tolist() == [END]


def test_every_occurrence_of_a_hidden_name_is_one_sentinel():
    ids = np.array([100, 7, 8, 101, 7, 8, 102, 9, 103, 7, 8])
    names = np.array([-1, 0, 0, -1, 0, 0, -1, 1, -1, 0, 0])
    seen = set()
    for seed in range(20):
        noisy, target = hide_names(ids, names, np.random.default_rng(seed), sentinels=SENTINELS, end=END)
        assert restored(noisy, target) == ids.tolist()
        assert sum(token in SENTINELS for token in target) == 1
        seen.add(tuple(target.tolist()))
    assert seen == {(10, 7, 8, END), (10, 9, END)}


def test_a_text_without_names_stays():
    noisy, target = hide_names(
        np.array([100, 101]), np.array([-1, -1]), np.random.default_rng(0), sentinels=SENTINELS, end=END
    )
    assert (noisy.tolist(), target.tolist()) == ([100, 101, END], [END])


def test_masks_have_the_shares_of_the_paper():
    ids = np.full((400, 256), 500)
    noisy, labels = mask_tokens(ids, np.random.default_rng(0), share=0.15, mask_id=4, size=8192, specials=range(37))
    chosen = labels != IGNORED
    assert chosen.mean() == pytest.approx(0.15, abs=0.005)
    assert (labels[chosen] == 500).all()
    assert (noisy[~chosen] == 500).all()
    assert (noisy[chosen] == 4).mean() == pytest.approx(0.8, abs=0.01)
    assert (noisy[chosen] == 500).mean() == pytest.approx(0.1, abs=0.01)
    assert noisy.min() >= 4
    assert not ((noisy > 4) & (noisy < 37)).any()


def test_special_tokens_are_never_masked():
    ids = np.array([[0, 2, 36, 37]] * 200)
    _, labels = mask_tokens(ids, np.random.default_rng(0), share=0.9, mask_id=4, size=100, specials=range(37))
    assert (labels[:, :3] == IGNORED).all()
    assert (labels[:, 3] == 37).any()


def test_special_tokens_may_stand_anywhere():
    ids, specials = np.tile(np.arange(50), (400, 5)), (0, 7, 8, 49)
    noisy, labels = mask_tokens(ids, np.random.default_rng(0), share=0.5, mask_id=49, size=50, specials=specials)
    chosen = labels != IGNORED
    assert not chosen[np.isin(ids, specials)].any()
    drawn = noisy[chosen & (noisy != 49) & (noisy != ids)]
    assert set(drawn.tolist()) == set(range(50)) - set(specials)
