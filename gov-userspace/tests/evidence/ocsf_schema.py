"""Holds each event of a file to OCSF's own schema, which the package pydantic-ocsf carries: no attribute that its class
or object does not know, each required one there, each number of an enumeration in it, each type as it is declared;
and then to the package's own models. Prints the classes that were seen."""
import importlib.resources, ipaddress, json, sys
import ocsf.v1_7_0.events as models

SCHEMA = json.loads((importlib.resources.files("ocsf") / "schemas" / "v1_7_0.json").read_text())
DICTIONARY = SCHEMA["dictionary"]["attributes"]
# What the profiles host and security_control add, which the package does not carry.
PROFILES = ["device", "actor", "action", "action_id", "disposition", "disposition_id", "policy"]
# What the package compiles into each class by itself; held below.
COMPILED = ["category_uid", "class_uid", "type_uid"]
PLAIN = {"integer_t": int, "long_t": int, "timestamp_t": int, "port_t": int, "boolean_t": bool}


def attributes(kind, name):
    known = {}
    while name:
        of = SCHEMA[kind].get(name, {})
        for attribute, own in of.get("attributes", {}).items():
            if isinstance(own, dict):
                known[attribute] = {**own, **{k: v for k, v in known.get(attribute, {}).items() if v is not None}}
        name = of.get("extends")
    return known


def hold(value, kind, name, place, profiles=()):
    known = attributes(kind, name)
    for attribute, own in known.items():
        assert attribute in value or own.get("requirement") != "required", f"{place}: no {attribute}"
    known = {**{attribute: {} for attribute in profiles}, **known}
    for attribute, inner in value.items():
        assert attribute in known, f"{place}: {attribute} is not of {name}"
        of = {**DICTIONARY.get(attribute, {}), **known[attribute]}
        numbers = {**DICTIONARY.get(attribute, {}).get("enum", {}), **(known[attribute].get("enum") or {})}
        where = f"{place}.{attribute}"
        if numbers and attribute not in COMPILED:
            assert str(inner) in numbers, f"{where}: {inner} is none of {sorted(numbers)}"
            words = DICTIONARY.get(attribute, {}).get("sibling") or attribute.removesuffix("_id")
            if inner != 99 and words in value and attribute != "activity_id":
                assert value[words] == numbers[str(inner)]["caption"], f"{where}: {inner} is not {value[words]}"
        for one in inner if of.get("is_array") else [inner]:
            kind_of = of.get("type")
            if kind_of in SCHEMA["objects"]:
                if kind_of != "object":
                    hold(one, "objects", kind_of, where)
                continue
            wanted = PLAIN.get(kind_of, str)
            assert type(one) is wanted, f"{where}: {one!r} is no {kind_of}"
            if kind_of == "ip_t":
                ipaddress.ip_address(one)


CLASSES = {0: "base_event", 1001: "file_activity", 1007: "process_activity", 4001: "network_activity"}
MODELS = {0: "BaseEvent", 1001: "FileActivity", 1007: "ProcessActivity", 4001: "NetworkActivity"}
seen = set()
for line in open(sys.argv[1]):
    event = json.loads(line)
    name = CLASSES[event["class_uid"]]
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"], line
    assert event["category_uid"] == {0: 0, 1001: 1, 1007: 1, 4001: 4}[event["class_uid"]], line
    try:
        hold(event, "events", name, name, PROFILES)
        if event["class_uid"]:
            activity = attributes("events", name)["activity_id"]["enum"].get(str(event["activity_id"]))
            assert not activity or event["activity_name"] == activity["caption"], "activity_name"
        getattr(models, MODELS[event["class_uid"]]).model_validate(event)
        # The check would see it: an attribute more, one less, and a number that is none.
        for changed in [{**event, "more": 1}, {**event, "severity_id": 12}, {k: v for k, v in event.items() if k != "time"}]:
            try:
                hold(changed, "events", name, name, PROFILES)
            except AssertionError:
                continue
            raise ValueError("a wrong event passes")
    except Exception as error:
        sys.exit(f"{error}\n{line}")
    seen.add((event["class_uid"], event["activity_id"]))
print(" ".join(f"{uid}/{activity}" for uid, activity in sorted(seen)))
