"""Takes tiktoken's table of the gpt-4o vocabulary out of a wheel that carries it: unpack_tables.py WHEEL_FOLDER OUT."""
import glob
import hashlib
import sys
import zipfile

NAME = "fb374d419588a4632f3f557e76b4b70aebbca790"
SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"

[wheel] = glob.glob(sys.argv[1] + "/litellm-*.whl")
with zipfile.ZipFile(wheel) as archive:
    table = archive.read("litellm/litellm_core_utils/tokenizers/" + NAME)
if hashlib.sha256(table).hexdigest() != SHA256:
    sys.exit(NAME + " is not the table that tiktoken expects")
with open(sys.argv[2] + "/" + NAME, "wb") as file:
    file.write(table)
