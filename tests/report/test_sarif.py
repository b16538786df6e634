"""SARIF: regions in source files, rows of data sets, places of the same element, what columns count."""

from codeward.report.sarif import sarif, sarif_file_result, sarif_result

TEXT = 'a = "\U0001f600"; b\nb = b\n'


def test_a_file_has_regions_and_the_further_places_are_related():
    found = sarif_result("r", "m", "-", TEXT, 9, 10, others=[(11, 12), (15, 16)])
    physical = found["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": "stdin"}
    assert physical["region"] == {
        "startLine": 1, "startColumn": 10, "endLine": 1, "endColumn": 11, "snippet": {"text": "b"},
    }  # fmt: skip
    related = [(each["id"], each["physicalLocation"]["region"]["startLine"]) for each in found["relatedLocations"]]
    assert related == [(1, 2), (2, 2)]
    assert "properties" not in found
    assert "relatedLocations" not in sarif_result("r", "m", "f.py", TEXT, 9, 10)


def test_a_row_of_a_data_set_has_its_region_beside_the_place():
    found = sarif_result("r", "m", "d.jsonl", TEXT, 11, 12, "row 7", field="code", others=[(15, 16)])
    (location,) = found["locations"]
    assert location["physicalLocation"] == {"artifactLocation": {"uri": "d.jsonl"}}
    assert location["logicalLocations"] == [{"fullyQualifiedName": "row 7", "kind": "row"}]
    told = found["properties"]
    assert (told["row"], told["field"], told["region"]["startLine"]) == ("row 7", "code", 2)
    assert [each["startColumn"] for each in told["relatedRegions"]] == [5]
    assert "relatedLocations" not in found
    assert sarif_result("r", "m", "d.jsonl", TEXT, 11, 12, "row 7")["properties"].keys() == {"row", "region"}


def test_columns_count_characters():
    run = sarif("r", "s", [sarif_file_result("r", "m", "model")], {"a": 1})["runs"][0]
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["properties"] == {"a": 1}
