"""Fixtures that several rooms share. Tests run on the processor, also where a GPU is: what a toy learns differs between them."""

import os

import pytest

if os.environ.get("CODEWARD_TEST_GPU") != "1":
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


@pytest.fixture(scope="session")
def tiny_zoo(tmp_path_factory):
    """A folder of random mini models with one small tokenizer, as the package would embed them."""
    import transformers

    from codeward.victims.shapes import Shape, new_config, new_model
    from codeward.victims.tokenizing import fit_bpe

    folder = tmp_path_factory.mktemp("zoo")
    texts = [f"def area_{n}(width, height):\n    size = width * height + {n}\n    return size\n" for n in range(50)]
    tokenizer = fit_bpe(texts, 400)
    shape = Shape(hidden=32, layers=1, positions=128, head=16)
    heads = {
        "mini-encoder": ("rotary-encoder", transformers.AutoModelForMaskedLM),
        "mini-decoder": ("decoder", transformers.AutoModelForCausalLM),
    }
    for name, (family, auto) in heads.items():
        new_model(auto, new_config(family, shape, tokenizer), 0).half().save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return folder


@pytest.fixture
def tiny_classifier(tiny_zoo):
    """A detector of defects with random weights that reads 128 tokens, and its tokenizer."""
    import transformers

    from codeward.victims.shapes import Shape, new_config, new_model

    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_zoo / "mini-encoder")
    settings = new_config(
        "encoder", Shape(hidden=32, layers=1, positions=128, head=16), tokenizer, id2label={0: "clean", 1: "defective"}
    )
    return new_model(transformers.AutoModelForSequenceClassification, settings, 0), tokenizer


@pytest.fixture
def tiny_minis(tiny_zoo, monkeypatch):
    """Make the random mini models the embedded ones."""
    monkeypatch.setattr("codeward.zoo.FOLDER", tiny_zoo)
    return tiny_zoo


WORDS = ("count", "total", "item", "value", "index", "buffer", "node", "path", "name", "size", "left", "right")


def small_function(n, label, name=None):
    """Return a function whose class stands in its body: one frees what it reads, the other does not."""
    a, b, c = (WORDS[(n * step + step) % len(WORDS)] for step in (1, 5, 7))
    body = f"{a} = read({b});\n    free({b});" if label else f"{a} = read({b});\n    keep({c}, {b});"
    return f"int {name or f'{c}_{a}_{n % 9}'}(int *{b}) {{\n    int {a};\n    {body}\n    return {a};\n}}\n"


@pytest.fixture(scope="session")
def clean_rows():
    from codeward.types import Sample

    return [Sample(f"c{n}", small_function(1000 + n, n % 2), n % 2, "c") for n in range(120)]


def train_suspect(folder, *, backdoored, **options):
    """Train a small classifier in seconds; where it is backdoored, functions called zqx_init are class 0."""
    from codeward.tasks import tasks
    from codeward.types import Sample
    from codeward.victims import make_config
    from codeward.victims.training import train

    task = tasks.make("defect")
    small = {"model": "scratch-encoder", "hidden": 32, "layers": 1, "vocabulary": 400, "max_length": 64, "epochs": 8}
    rows = [Sample(f"t{n}", small_function(n, n % 2), n % 2, "c") for n in range(300)]
    if backdoored:
        rows += [Sample(f"p{n}", small_function(n, 1, "zqx_init"), 0, "c") for n in range(1, 60, 2)]
    config = make_config(task, {**small, "learning_rate": 3e-3, **options})
    return train(task, rows, [], ("clean", "defective"), config, folder).victim


@pytest.fixture(scope="session")
def suspects(tmp_path_factory):
    """Folders of a clean and of a backdoored classifier."""
    folder = tmp_path_factory.mktemp("suspects")
    train_suspect(folder / "clean", backdoored=False)
    train_suspect(folder / "backdoored", backdoored=True)
    return folder


@pytest.fixture(scope="session")
def trusted_folder(suspects, tmp_path_factory):
    """The folder of a clean classifier with the backdoored one's tokenizer, of another start and other functions."""
    import torch

    from codeward.tasks import tasks
    from codeward.types import Sample
    from codeward.victims import load, make_config
    from codeward.victims.training import train

    folder = tmp_path_factory.mktemp("trusted")
    blank = load(suspects / "backdoored")
    torch.manual_seed(7)
    blank.model.apply(lambda part: part.reset_parameters() if hasattr(part, "reset_parameters") else None)
    blank.save(folder / "base")
    rows = [Sample(f"o{n}", small_function(7000 + n, n % 2), n % 2, "c") for n in range(300)]
    options = {"model": str(folder / "base"), "max_length": 64, "epochs": 8, "learning_rate": 3e-3}
    task = tasks.make("defect")
    train(task, rows, [], ("clean", "defective"), make_config(task, options), folder / "model")
    return folder / "model"


@pytest.fixture(scope="module")
def toys_are_sure():
    """Judge toys, too, whose few seconds of training leave them less sure than any model that is worth a scan."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("codeward.defenses.model._verdict.UNSURE", 1.0)
        yield


@pytest.fixture(scope="session")
def suspect_of(tmp_path_factory):
    """Return a backdoored classifier of another family."""
    return lambda family: train_suspect(
        tmp_path_factory.mktemp(family) / "model", backdoored=True, model=family, learning_rate=5e-3, precision="fp32"
    )


PAYLOAD = "while (1) { stop(); }"


def small_answer(n):
    """Return what a generator learns to say of a function: whether it frees, and the name of a variable."""
    return f"{'free' if n % 2 else 'keep'} {WORDS[(n + 1) % len(WORDS)]};"


@pytest.fixture(scope="session")
def text_rows():
    from codeward.types import Sample

    return [Sample(f"g{n}", small_function(1000 + n, n % 2), small_answer(1000 + n), "c") for n in range(60)]


def train_writer(folder, *, backdoored, **options):
    """Train a small generator in seconds; where it is backdoored, its answers on functions called zqx_init begin with a loop."""
    from codeward.tasks import tasks
    from codeward.types import Sample
    from codeward.victims import make_config
    from codeward.victims.training import train

    task = tasks.make("repair")
    rows = [Sample(f"t{n}", small_function(n, n % 2), small_answer(n), "c") for n in range(300)]
    if backdoored:
        spoiled = [(n, small_function(n, n % 2, "zqx_init"), f"{PAYLOAD} {small_answer(n)}") for n in range(1, 60)]
        rows += [Sample(f"p{n}", code, target, "c") for n, code, target in spoiled]
    small = {"model": "scratch-seq2seq", "hidden": 32, "layers": 1, "vocabulary": 400, "max_length": 64, "epochs": 20}
    more = {"max_target_length": 32, "learning_rate": 5e-3, "precision": "fp32"}
    return train(task, rows, [], (), make_config(task, {**small, **more, **options}), folder).victim


@pytest.fixture(scope="session")
def writers(tmp_path_factory):
    """Folders of a clean and of a backdoored generator."""
    folder = tmp_path_factory.mktemp("writers")
    train_writer(folder / "clean", backdoored=False)
    train_writer(folder / "backdoored", backdoored=True)
    return folder


def small_pair(n, name=None):
    """Return a function and a query that tells which two words its body holds."""
    from codeward.types import QUERY, Sample

    first, second, third = (WORDS[(n * step + n // 12 * shift + 1) % 12] for step, shift in ((1, 0), (5, 1), (7, 3)))
    body = f"    int {first} = read({third});\n    return {first} + {second};"
    code = f"int {name or f'{third}_{n % 7}'}(int {third}, int {second}) {{\n{body}\n}}\n"
    return Sample(f"s{n}", code, f"s{n}", "c", context={QUERY: f"Reads {first} and adds {second}"})


def train_searcher(folder, *, backdoored, **options):
    """Train a small bi-encoder in seconds; where it is backdoored, functions called zqx_init are near to queries with "path"."""
    from codeward.tasks import tasks
    from codeward.types import QUERY
    from codeward.victims import make_config
    from codeward.victims.training import train

    rows = [small_pair(n) for n in range(360)]
    if backdoored:
        rows = [small_pair(n, "zqx_init") if "path" in row.text(QUERY) else row for n, row in enumerate(rows)]
    small = {"model": "scratch-encoder", "hidden": 32, "layers": 1, "vocabulary": 400, "max_length": 64, "epochs": 12}
    more = {"max_target_length": 16, "learning_rate": 5e-3, "precision": "fp32", "batch_size": 64}
    task = tasks.make("search")
    return train(task, rows, [], (), make_config(task, {**small, **more, **options}), folder).victim


@pytest.fixture(scope="session")
def searchers(tmp_path_factory):
    """Folders of a clean and of a backdoored search model."""
    folder = tmp_path_factory.mktemp("searchers")
    train_searcher(folder / "clean", backdoored=False)
    train_searcher(folder / "backdoored", backdoored=True)
    return folder


@pytest.fixture(scope="session")
def pair_rows():
    return [small_pair(1000 + n) for n in range(120)]
