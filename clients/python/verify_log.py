#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Checks a log of gov as docs/log.md describes it, sharing no code with gov.

    python3 verify_log.py DIR [--chain FILE] [KEY]...     KEY: a trusted public key, 64 hexadecimal digits

FILE holds the rotations that lead from such a key to the one that signed; without it, DIR/key.chain, if it is there.
It exits with 0 if every claim holds, 1 if one does not, 3 if something cannot be known.
Python 3.8 or later, and the package `cryptography`.
"""
import base64, hashlib, json, pathlib, re, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CLASSES = ("read", "write", "execute", "connect", "other")


class Fails(Exception):
    """A claim was checked and does not hold."""


class Unknown(Exception):
    """The evidence does not reach that far."""


def need(holds, why, error=Fails):
    if not holds:
        raise error(why)


def canonical(line):
    """The receipt of a line, which must be its RFC 8785 form."""
    def no_fraction(text):
        raise Fails(f"a fraction: {text}")
    value = json.loads(line.decode("utf-8"), parse_float=no_fraction, parse_constant=no_fraction)
    again = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    need(isinstance(value, dict) and again == line, "not canonical JSON")
    return value


def number(value):
    """An integer from 0; one of 2^53 or more stands as decimal text."""
    if type(value) is str and str(int(value)) == value and int(value) >= 2**53:
        return int(value)
    need(type(value) is int and 0 <= value < 2**53, f"`{value}` is no count")
    return value


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """RFC 6962's tree as a list of (leaves, root) of its complete subtrees."""
    def __init__(self):
        self.peaks = []

    def push(self, line):
        peak = (1, hashlib.sha256(b"\0" + line).digest())
        while self.peaks and self.peaks[-1][0] == peak[0]:
            size, left = self.peaks.pop()
            peak = (2 * size, node(left, peak[1]))
        self.peaks.append(peak)

    def root(self):
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        root = self.peaks[-1][1]
        for _, left in reversed(self.peaks[:-1]):
            root = node(left, root)
        return root


def checkpoint(note, keys):
    """Origin, size, root and signer of a C2SP checkpoint that one of the keys signed."""
    text, blank, lines = note.rpartition("\n\n")
    need(blank and lines.endswith("\n") and text.count("\n") == 2, "not a checkpoint")
    text += "\n"
    origin, size, root = text[:-1].split("\n")
    need(origin and size == str(int(size)), "not a checkpoint")
    signer = None
    for line in lines[:-1].split("\n"):
        dash, name, encoded = line.split(" ")
        signature = base64.b64decode(encoded, validate=True)
        need(dash == "\u2014" and len(signature) > 4, "not a signature line")
        for key in keys:
            known = hashlib.sha256(name.encode() + b"\n\1" + key).digest()[:4]
            if name == origin and signature[:4] == known:
                try:
                    Ed25519PublicKey.from_public_bytes(key).verify(signature[4:], text.encode())
                except InvalidSignature:
                    raise Fails("a trusted key's signature is wrong")
                signer = signer or key
    need(signer, "no trusted key signed it", Fails if keys else Unknown)
    root = base64.b64decode(root, validate=True)
    need(len(root) == 32, "the root is no hash")
    return origin, int(size), root, signer


def rotation(note):
    """Old key, new key and time of a signed statement that one follows the other."""
    text, blank, lines = note.rpartition("\n\n")
    need(blank and lines.endswith("\n"), "not a signed note")
    form = r"gov-key-rotation/v1\nlog\nold ([0-9a-f]{64})\nnew ([0-9a-f]{64})\nat (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"
    found = re.fullmatch(form, text, re.ASCII)
    need(found, "not a statement of a rotation")
    keys, signed = [bytes.fromhex(found[1]), bytes.fromhex(found[2])], set()
    for line in lines[:-1].split("\n"):
        dash, name, encoded = line.split(" ")
        signature = base64.b64decode(encoded, validate=True)
        by = [key for key in keys if signature[:4] == hashlib.sha256(b"gov-key-rotation/v1\n\1" + key).digest()[:4]]
        need(dash == "\u2014" and name == "gov-key-rotation/v1" and len(by) == 1, "others than the two keys signed it")
        try:
            Ed25519PublicKey.from_public_bytes(by[0]).verify(signature[4:], (text + "\n").encode())
        except InvalidSignature:
            raise Fails("the signature of a rotation is wrong")
        signed.add(by[0])
    need(signed == set(keys) and lines.count("\n") == 2, "one of the two keys did not sign the rotation")
    return (*keys, found[3])


def rotations(content):
    """The links of a chain of rotations, each of which must follow the one before it."""
    links = []
    for line in content.decode("utf-8").splitlines(True):
        need(line.endswith("\n"), "the last line of the rotations is torn")
        old, new, at = rotation(json.loads(line))
        need(old not in [link[0] for link in links], "a key has two successors")
        need(new != old and new not in [link[0] for link in links], "the rotations lead in a circle")
        need(not links or links[-1][1] == old, "a rotation is missing, or stands in the wrong place")
        need(not links or links[-1][2] <= at, "a rotation is older than the one before it")
        links.append((old, new, at))
    return links


def did_key(did):
    """The Ed25519 key of a did:key: base58 of 0xed01 and the key."""
    number = 0
    for letter in did[len("did:key:z"):]:
        number = 58 * number + "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".index(letter)
    content = number.to_bytes(34, "big")
    need(did.startswith("did:key:z") and content[:2] == b"\xed\x01", f"`{did}` is no did:key")
    return content[2:]


def delegation(content, start, parent):
    """Checks a delegation's id, signature and time, and that whom its parent names gave it; returns it.
    Whether it grants no more than its parent is for `gov verify` to say."""
    record = json.loads(content.decode("utf-8"))

    def without(*members):
        rest = {name: value for name, value in record.items() if name not in members}
        return json.dumps(rest, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    body = b"APS-AUTHORITY-DELEGATION-ID-V1\0" + without("delegation_id", "signature")
    need(record["delegation_id"] == "sha256:" + hashlib.sha256(body).hexdigest(),
         "the delegation's id is not its digest")
    above = record["parent_delegation_id"]
    if parent is None:
        need(above is None, "the delegation narrows one that is not there", Unknown)
    else:
        need(above == parent["delegation_id"] and record["issuer"] == parent["subject"], "the chain is broken")
    try:
        signed = b"APS-AUTHORITY-DELEGATION-SIGNATURE-V1\0" + without("signature")
        Ed25519PublicKey.from_public_bytes(did_key(record["issuer"])).verify(bytes.fromhex(record["signature"]), signed)
    except InvalidSignature:
        raise Fails("the delegation's signature is not its issuer's")
    began, time = start["wall"].rstrip("Z"), record["authority"]["time"]
    valid = time["not_before"].rstrip("Z") <= began < time["not_after"].rstrip("Z")
    need(valid, "the delegation was not valid when the session started")
    return record


def merged(ranges):
    """Ranges with those that touch joined; none may overlap."""
    result = []
    for first, count in ranges:
        if count and result and sum(result[-1]) == first:
            result[-1] = (result[-1][0], result[-1][1] + count)
        elif count:
            need(not result or sum(result[-1]) < first, "ranges of lost events overlap")
            result.append((first, count))
    return result


def check(folder, trusted, chain=None):
    """Checks everything; returns what holds, raises what does not or cannot be known."""
    unknown = []
    beside = folder / "key.chain"
    if chain is None and beside.exists():
        chain = beside
    links = rotations(chain.read_bytes()) if chain else []
    trusted = list(trusted)
    for old, new, _ in links:
        if old in trusted:
            trusted.append(new)
    try:
        claimed = bytes.fromhex(json.loads((folder / "session.json").read_text())["key"])
    except (OSError, KeyError, ValueError):
        claimed = None
    keys = trusted or ([claimed] if claimed else [])
    if not trusted:
        unknown.append("no trusted key was given")
    try:
        latest = (folder / "checkpoint").read_bytes().decode("utf-8")
    except OSError:
        raise Unknown("there is no checkpoint") if not trusted else Fails("there is no checkpoint")
    origin, size, root, signer = checkpoint(latest, keys)
    heads = {}
    history = folder / "checkpoints.jsonl"
    sizes = [0]
    for line in history.read_bytes().decode("utf-8").splitlines(True) if history.exists() else []:
        need(line.endswith("\n"), "the last line of checkpoints is torn")
        name, covered, head, _ = checkpoint(json.loads(line), keys)
        need(name == origin and covered >= sizes[-1], "checkpoints of another log, or out of order")
        need(heads.setdefault(covered, head) == head, "two heads of one size")
        sizes.append(covered)
    need(heads.setdefault(size, root) == root, "two heads of one size")

    content = (folder / "log.jsonl").read_bytes()
    need(content.endswith(b"\n") or not content, "the last line is torn")
    tree, start, close, after_close = Tree(), None, None, False
    scopes, following, gaps, losses, reads = set(), 0, [], [], 0
    totals = {verdict: dict.fromkeys(CLASSES, 0) for verdict in ("allow", "deny", "repeated")}
    lines = content.split(b"\n")[:-1]
    for index, line in enumerate(lines):
        receipt = canonical(line)
        tree.push(line)
        need(heads.pop(index + 1, tree.root()) == tree.root(), f"the first {index + 1} lines are not those signed")
        kind = receipt["kind"]
        start = start or receipt
        need(number(receipt["v"]) == 3 and number(receipt["index"]) == index, f"line {index} has the wrong number")
        need(all(receipt[same] == start[same] for same in ("session", "delegation")), "another session's line")
        need((kind == "start") == (index == 0), "the start receipt is the first line, and only the first")
        if close and kind == "recovered":
            close = None
        after_close = after_close or close is not None
        texts = {"start": ("boot_id", "key", "delegation_sha256", "mode", "on_full", "wall"), "close": ("boot_id", "armed"),
                 "clock": ("from", "to")}
        need(all(type(receipt[name]) is str for name in texts.get(kind, ())), "a text is none")
        if kind in ("start", "policy-changed"):
            scopes = set(receipt["scopes"])
        elif kind in ("decision", "directory", "executed", "armed", "budget", "break"):
            sequence = number(receipt["sequence"])
            need(sequence >= following, f"event {sequence} is out of order")
            gaps.append((following, sequence - following))
            following = sequence + 1
            if kind == "decision":
                totals[receipt["verdict"]][receipt["class"]] += 1
                granted = receipt["verdict"] == "allow" and "scope" in receipt
                need(not granted or receipt["scope"] in scopes, "something was granted by no scope of the policy")
        elif kind == "loss":
            losses.append((number(receipt["first"]), number(receipt["count"])))
        elif kind == "reads":
            reads += number(receipt["count"])
        elif kind == "repeated":
            totals["repeated"][receipt["class"]] += number(receipt["count"])
        elif kind == "close":
            close = receipt
        else:
            if kind == "interference" and "enforced" in receipt:
                unknown.append("enforcement was interfered with, and acts may have gone unjudged")
            need(kind in ("cut", "interference", "clock", "resumed", "recovered", "artifacts"), f"the kind `{kind}` is unknown")
    need(not heads, f"more lines were signed than the {len(lines)} there are")
    need(start is not None and start["session"] == origin.rpartition("/")[2], "another log's checkpoint")
    need(start["key"] == signer.hex(), "signed by another key than the start receipt names")
    gave_way = next((at for old, _, at in links if old == signer), None)
    if trusted and gave_way and start["wall"].rstrip("Z") > gave_way.rstrip("Z"):
        unknown.append("the log says that it began after its key gave way to another")
    need(not after_close, "receipts follow the close receipt")
    if size < len(lines):
        unknown.append(f"{len(lines) - size} lines after the checkpoint are unsigned")
    authority = folder / "delegation.json"
    if authority.exists():
        found = hashlib.sha256(authority.read_bytes()).hexdigest()
        need(found == start["delegation_sha256"], "another delegation than the session started with")
        ancestors = folder / "ancestors.json"
        chain = json.loads(ancestors.read_text("utf-8")) if ancestors.exists() else []
        parent = None
        for text in [*(text.encode() for text in chain), authority.read_bytes()]:
            parent = delegation(text, start, parent)
        need(parent["delegation_id"] == start["delegation"], "another delegation than the receipts name")
    else:
        unknown.append("the delegation's bytes are not there")

    counters = close["counters"] if close else None
    if close:
        need(number(counters["sequence"]) >= following, "more events than the kernel numbered")
        gaps.append((following, number(counters["sequence"]) - following))
    need(merged(gaps) == merged(losses), "kernel events are missing that were not declared lost, or the reverse")
    lost = sum(count for _, count in losses)
    if lost and (start["on_full"] != "refuse" or start["mode"] != "enforce"):
        unknown.append(f"{lost} events were lost in a session that goes on without a receipt")
    if not close:
        unknown.append("the session is not closed")
    elif close["boot_id"] != start["boot_id"]:
        unknown.append("the host restarted in between")
    else:
        more = number(counters["counted_reads"]) - reads
        need(more >= 0 and (more == 0 or lost), "counted reads differ")
        if more:
            unknown.append(f"{more} counted reads of directories whose first record was lost")
        repeated = sum(totals["repeated"].values())
        need(number(counters["counted_refusals"]) == repeated, "counted refusals differ")
        need(number(counters["lost"]) == lost, "lost events differ")
        rest = 0
        for name, verdict in (("granted", "allow"), ("refused", "deny")):
            for kind in CLASSES:
                counted = totals["repeated"][kind] if name == "refused" else reads + more if kind == "read" else 0
                missing = number(counters[name][kind]) - totals[verdict][kind] - counted
                need(missing >= 0, f"{name} {kind}: the kernel counted fewer than the receipts")
                rest += missing
        need(rest <= lost, f"{rest} decisions have no receipt")
    need(not unknown, "; ".join(unknown), Unknown)
    return f"{len(lines)} receipts, {lost} missing, signed by {signer.hex()}"


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    chain, arguments = None, list(arguments)
    if "--chain" in arguments[:-1]:
        at = arguments.index("--chain")
        chain = pathlib.Path(arguments[at + 1])
        del arguments[at:at + 2]
    try:
        print("holds:", check(pathlib.Path(arguments[0]), [bytes.fromhex(key) for key in arguments[1:]], chain))
        return 0
    except Unknown as unknown:
        print("cannot be known:", unknown)
        return 3
    except (Fails, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        print("does not hold:", error or type(error).__name__)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
