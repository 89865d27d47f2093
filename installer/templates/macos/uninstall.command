#!/bin/sh
# Removes @NAME@: a double click in the app's Contents/Resources, or `sh Uninstall.command` with the words that
# `videoshop @UNINSTALL@ --help` shows.
set -eu

bundle=$(cd "$(dirname "$0")/../.." && pwd -P)
case "$bundle" in
    */"@BUNDLE@") ;;
    *) echo "This is not in @BUNDLE@." >&2; exit 1 ;;
esac

"$bundle/Contents/MacOS/videoshop" @UNINSTALL@ "$@"
for agent in @AGENTS@; do
    launchctl bootout "gui/$(id -u)/$agent" 2> /dev/null || true
    rm -f "$HOME/Library/LaunchAgents/$agent.plist"
done
if [ -w "$(dirname "$bundle")" ]; then
    rm -rf "$bundle"
    pkgutil --forget @IDENTIFIER@ --volume "$HOME" > /dev/null 2>&1 || true
else
    sudo rm -rf "$bundle"
fi
sudo -n pkgutil --forget @IDENTIFIER@ > /dev/null 2>&1 || true
echo "@NAME@ is removed."
