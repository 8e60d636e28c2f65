set -eu

case $0 in
  */*) here=${0%/*} ;;
  *) here=. ;;
esac
here=$(CDPATH='' cd -- "$here" && pwd)

# A Python that has Freeze Lab and its packages; also that of a clone, which has them in .venv.
test='
from importlib.util import find_spec
from sys import exit
names = "mtl_core.cli.repeat", "torch", "transformers", "pydantic", "sqlalchemy", "typer"
exit(not all(map(find_spec, names)))
'
python=
try() {
  if [ -n "$python" ] || ! command -v "$1" >/dev/null 2>&1; then return 0; fi
  if "$1" -c "$test" >/dev/null 2>&1; then python=$1; return 0; fi
  clone=$(CDPATH='' cd -- "${1%/*}/../.." 2>/dev/null && pwd) || return 0
  path=$clone${PYTHONPATH:+:$PYTHONPATH}
  if [ -f "$clone/mtl_core/__main__.py" ] && PYTHONPATH=$path "$1" -c "$test" >/dev/null 2>&1; then
    python=$1
    export PYTHONPATH="$path"
  fi
}

if [ -n "${FREEZE_LAB_PYTHON:-}" ]; then
  try "$FREEZE_LAB_PYTHON"
else
  [ -z "${VIRTUAL_ENV:-}" ] || try "$VIRTUAL_ENV/bin/python"
  try ./.venv/bin/python
  if [ -z "$python" ] && freeze-lab repeat --help >/dev/null 2>&1; then
    exec freeze-lab repeat "$here" "$@"
  fi
  try python3
  try python
fi
if [ -z "$python" ]; then
  {
    if [ -n "${FREEZE_LAB_PYTHON:-}" ]; then
      echo "FREEZE_LAB_PYTHON=$FREEZE_LAB_PYTHON has no Freeze Lab with its packages."
    else
      echo "No Python with Freeze Lab was found."
    fi
    echo "These results were made with $made_with."
    echo "Install it: in a clone of Freeze Lab, 'make run' makes .venv with the tested versions, or"
    echo "'pip install . -c constraints.txt' adds it to a Python of yours (3.11 or newer)."
    echo "Then activate that Python, start this script from the folder of the clone, or name it:"
    echo "FREEZE_LAB_PYTHON=/path/to/python sh repeat.sh"
  } >&2
  exit 2
fi
exec "$python" -m mtl_core repeat "$here" "$@"
