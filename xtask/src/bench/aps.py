"""How many receipts a second and core APS's own package makes and verifies, on one line."""
import time

import agent_passport as ap

RECEIPTS = 2000

principal, agent = ap.generate_key_pair(), ap.generate_key_pair()
SCOPE = "file:write:/project"
delegation = ap.create_delegation(
    principal["publicKey"], agent["publicKey"], [SCOPE], principal["privateKey"], spend_limit=100, max_depth=1,
    expires_in_days=1)


def receipt(number):
    return ap.create_action_receipt(
        "bench", delegation, "file:write", f"/project/target/debug/deps/file-{number}.o", SCOPE, "success", "written",
        agent["privateKey"], spend_amount=0, delegation_chain=[principal["publicKey"], agent["publicKey"]])


def rate(work):
    begun = time.process_time()
    results = [work(number) for number in range(RECEIPTS)]
    return RECEIPTS / (time.process_time() - begun), results


made, receipts = rate(receipt)
verified, results = rate(lambda number: ap.verify_action_receipt(receipts[number], agent["publicKey"]))
assert all(result["valid"] for result in results), results[0]
print(made, verified)
