#!/bin/sh
# Removes what install.sh installed. The app is asked first to take back what it made; see `videoshop @UNINSTALL@ --help`
# for the words that this passes on.
set -eu

app=$HOME/.local/lib/@ID@
bin=$HOME/.local/bin
share=${XDG_DATA_HOME:-$HOME/.local/share}

if [ -x "$app/videoshop" ]; then "$app/videoshop" @UNINSTALL@ "$@"; fi

if [ "$(readlink "$bin/videoshop" || true)" = "$app/videoshop" ]; then rm "$bin/videoshop"; fi
rm -f "$share/applications/@DESKTOP_FILE@"
for icon in @ICONS@; do
    rm -f "$share/$icon"
    (cd "$share" && rmdir -p "$(dirname "$icon")") 2> /dev/null || true
done
rm -rf "$app" "$app.new" "$app.old"
for folder in "$share/applications" "$share" "$HOME/.local/lib" "$bin" "$HOME/.local"; do
    rmdir "$folder" 2> /dev/null || true  # only where nothing else is in it
done

echo "@NAME@ is removed."
