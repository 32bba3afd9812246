"""Reads lines of OTLP's JSON by OpenTelemetry's own protocol buffers, strictly, and holds them to the log that they were
made from, the second argument: one record a line, with its time, place, weight and outcome. Every attribute's name is
ours or one that the semantic conventions have."""
import datetime, importlib, json, pkgutil, sys
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData, SeverityNumber
from opentelemetry.semconv import attributes as stable, schemas
from opentelemetry.semconv._incubating import attributes as unstable


def names(package):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        found = vars(importlib.import_module(module.name))
        yield from (value for name, value in found.items() if name.isupper() and isinstance(value, str))


KNOWN = {*names(stable), *names(unstable)}
SCHEMAS = {schema.value for schema in schemas.Schemas}


def trimmed(value):
    if isinstance(value, dict):
        return {name: trimmed(inner) for name, inner in value.items() if inner != []}
    return [trimmed(one) for one in value] if isinstance(value, list) else value


def plain(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return pairs(value.kvlist_value.values)
    return getattr(value, kind)


def pairs(found):
    values = {one.key: plain(one.value) for one in found}
    assert len(values) == len(found), f"a name twice: {found}"
    assert all(values), "an attribute without a name"
    return values


def nanoseconds(wall):
    seconds, _, parts = wall.removesuffix("Z").partition(".")
    whole = datetime.datetime.fromisoformat(seconds + "+00:00").timestamp()
    return int(whole) * 10**9 + int(parts.ljust(9, "0") or 0)


def expected(receipt):
    kind, refused = receipt["kind"], receipt.get("verdict") == "deny"
    if refused or kind in ("budget", "break", "clock", "repeated"):
        return SeverityNumber.SEVERITY_NUMBER_WARN, "WARN"
    if kind in ("interference", "cut", "loss", "recovered"):
        return SeverityNumber.SEVERITY_NUMBER_ERROR, "ERROR"
    return SeverityNumber.SEVERITY_NUMBER_INFO, "INFO"


def hold(line, receipt):
    request = json_format.ParseDict(json.loads(line), ExportLogsServiceRequest(), ignore_unknown_fields=False)
    back = json_format.MessageToDict(request, use_integers_for_enums=True)
    # Written as the mapping writes it, and the same as what stands in files.
    assert back == trimmed(json.loads(line)), "another spelling"
    assert request.resource_logs == json_format.Parse(line, LogsData()).resource_logs
    (logs,) = request.resource_logs
    (scoped,) = logs.scope_logs
    (record,) = scoped.log_records
    resource, found = pairs(logs.resource.attributes), pairs(record.attributes)
    assert logs.schema_url in SCHEMAS and scoped.schema_url in SCHEMAS, logs.schema_url
    for name in [*resource, *found]:
        assert name.startswith("gov.") or name in KNOWN, f"{name} is none of the conventions"
    assert resource["service.name"] == "govd" and resource["service.version"] and resource["host.name"], resource
    assert record.time_unix_nano == record.observed_time_unix_nano == nanoseconds(receipt["wall"])
    assert (record.severity_number, record.severity_text) == expected(receipt), record.severity_text
    assert record.event_name == "gov." + receipt["kind"] and plain(record.body)
    uid = f"{resource['gov.log']}:{receipt['index']}"
    assert found["log.record.uid"] == uid, found["log.record.uid"]
    for name in ("session", "index", "delegation", "verdict", "reason", "scope", "grant", "action", "sequence", "policy"):
        assert found.get("gov." + name) == receipt.get(name), name
    task = receipt.get("task", {})
    assert found.get("process.pid") == task.get("pid") and found.get("process.parent_pid") == task.get("parent")
    assert found.get("user.id") == (str(task["uid"]) if task else None)
    at = receipt.get("object", {}).get("path")
    if at is not None and "hex" not in receipt["object"]:
        where = ("file.path", "process.executable.path", "network.peer.address", "network.local.address")
        assert [found[name] for name in where if found.get(name) == at] == [at], found
    far = receipt.get("address", {})
    if "ip" in far:
        end = "local" if receipt["action"] in ("network.bind", "network.listen") else "peer"
        assert (found[f"network.{end}.address"], found[f"network.{end}.port"]) == (far["ip"], far["port"]), found
    assert ("error.type" in found) == ("errno" in receipt and "enforced" not in receipt), found
    return sum(1 for _ in leaves(receipt)), len(found)


def leaves(value):
    for inner in value.values():
        yield from leaves(inner) if isinstance(inner, dict) else [inner]


lines, receipts = open(sys.argv[1]).read().splitlines(), open(sys.argv[2]).read().splitlines()
assert len(lines) == len(receipts), f"{len(lines)} records of {len(receipts)} receipts"
for line, receipt in zip(lines, map(json.loads, receipts)):
    try:
        kept, found = hold(line, receipt)
        # Nothing is left out but kind and time; what the network is of is added, and the record's own name.
        assert kept - 2 < found <= kept, f"{kept} members, {found} attributes"
        # The check would see it: a member that the protocol does not have, and a number that is none of 64 bits.
        for right, wrong in [('"body"', '"bodies"'), ('"timeUnixNano":"', '"timeUnixNano":"9')]:
            assert right in line
            try:
                hold(line.replace(right, wrong), receipt)
            except (json_format.ParseError, AssertionError):
                continue
            raise ValueError("a wrong record passes")
    except Exception as error:
        sys.exit(f"{error!r}\n{line}")
print(len(lines))
