#!/bin/sh
# Installs @NAME@ @VERSION@ for the person who runs this; no administrator is needed. uninstall.sh takes it back.
set -eu

here=$(cd "$(dirname "$0")" && pwd -P)
app=$HOME/.local/lib/@ID@
bin=$HOME/.local/bin
share=${XDG_DATA_HOME:-$HOME/.local/share}

if [ "$here" = "$app" ]; then
    echo "This is the installed app already." >&2
    exit 1
fi

# The new version is whole before the old one goes.
mkdir -p "$HOME/.local/lib" "$bin" "$share/applications"
rm -rf "$app.new" "$app.old"
cp -R "$here" "$app.new"
if [ -e "$app" ]; then mv "$app" "$app.old"; fi
mv "$app.new" "$app"
rm -rf "$app.old"

ln -sfn "$app/videoshop" "$bin/videoshop"
for icon in @ICONS@; do
    mkdir -p "$share/$(dirname "$icon")"
    cp "$app/share/$icon" "$share/$icon"
done
# A path in Exec: first as a word in quotes, then as a value, then as sed's replacement.
escaped=$(printf '%s' "$app" | sed -e 's/[\\"`$]/\\&/g' -e 's/\\/\\\\/g' -e 's/%/%%/g' -e 's/[\\&|]/\\&/g')
sed "s|@APP@|$escaped|" > "$share/applications/@DESKTOP_FILE@" <<'ENTRY'
@ENTRY@
ENTRY

echo "@NAME@ is in the applications' menu."
case ":$PATH:" in
    *":$bin:"*) echo "In a terminal it is: videoshop" ;;
    *) echo "In a terminal it is: $bin/videoshop" ;;
esac
