"""How much a found trigger resembles the planted one, letter by letter (EliBadCode, section 5: edit distance and BLEU)."""


def edit_distance(one: str, other: str) -> int:
    """Return the fewest letters that are put in, taken out or replaced to make one text of the other (Levenshtein, 1966)."""
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, start=1):
        before, row = row, [place]
        for column, other_letter in enumerate(other):
            row.append(min(before[column] + (letter != other_letter), before[column + 1] + 1, row[column] + 1))
    return row[-1]


def letter_bleu(found: str, planted: str) -> float:
    """Return BLEU over letters in 0..1, of n-grams up to 4 and no longer than the texts, by sacrebleu."""
    from sacrebleu.metrics.bleu import BLEU

    if not found.strip() or not planted.strip():
        return float(found.strip() == planted.strip())
    return min(1.0, BLEU(tokenize="char", effective_order=True).sentence_score(found, [planted]).score / 100)
