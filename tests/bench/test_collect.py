"""What of a record stands in the board."""

from codeward.bench.collect import _named
from codeward.experiment.record import ScoreRow


def score(name, model, data, value):
    return ScoreRow(name=name, model=model, data=data, value=value, n=49, low=None, high=None, higher_is_better=True)


def test_of_a_search_model_the_rank_stands_in_the_place_of_success():
    rows = [
        score("mrr", "victim", "clean", 0.47),
        score("anr", "victim", "triggered", 0.16),
        score("asr@5", "victim", "triggered", 0.01),
        score("anr", "victim", "untriggered", 0.5),
        score("anr", "clean model", "triggered", 0.45),
    ]
    wanted = {("victim", "clean"): "utility", ("victim", "triggered"): "success", ("victim", "untriggered"): "floor"}
    assert {name: figure.value for name, figure in _named(rows, wanted).items()} == {"utility": 0.47, "anr": 0.16}
    found = _named(rows, {("clean model", "triggered"): "clean success"})
    assert {name: figure.value for name, figure in found.items()} == {"clean anr": 0.45}
