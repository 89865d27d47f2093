#!/bin/sh
# Makes the Installer's package of the app; run on a Mac by `python installer/build.py`.
#
# Without SIGN_APP it is for this Mac alone: others refuse it. With it:
#   SIGN_APP        a “Developer ID Application” identity of the keychain: signs every program and library, then the app
#   SIGN_PKG        a “Developer ID Installer” identity: signs the package
#   NOTARY_PROFILE  a profile that `xcrun notarytool store-credentials` stored: has Apple check it, and staples the answer
set -eu

here=$(cd "$(dirname "$0")" && pwd -P)
app="@APP@"
pkg="@PKG@"

if [ -n "${SIGN_APP:-}" ]; then
    # From the inside out: what is signed later covers what was signed before.
    find "$app/Contents" -type f ! -path "$app/Contents/MacOS/*" | while IFS= read -r file; do
        if file -b "$file" | grep -q '^Mach-O'; then
            codesign --force --timestamp --options runtime --sign "$SIGN_APP" "$file"
        fi
    done
    for program in "$app/Contents/MacOS/"*; do
        codesign --force --timestamp --options runtime --entitlements "$here/entitlements.plist" \
            --sign "$SIGN_APP" "$program"
    done
    codesign --force --timestamp --options runtime --entitlements "$here/entitlements.plist" --sign "$SIGN_APP" "$app"
    codesign --verify --deep --strict "$app"
else
    codesign --force --deep --sign - "$app"  # Apple's processors run nothing without a seal that fits
fi

rm -rf "$here/root"
mkdir "$here/root"
ditto "$app" "$here/root/@BUNDLE@"
pkgbuild --root "$here/root" --component-plist "$here/component.plist" --scripts "$here/scripts" \
    --identifier "@IDENTIFIER@" --version "@VERSION@" --install-location /Applications "$here/@COMPONENT@"
productbuild --distribution "$here/distribution.xml" --resources "$here/resources" --package-path "$here" \
    ${SIGN_PKG:+--sign "$SIGN_PKG" --timestamp} "$pkg"

if [ -n "${NOTARY_PROFILE:-}" ]; then
    xcrun notarytool submit "$pkg" --keychain-profile "$NOTARY_PROFILE" --wait
    xcrun stapler staple "$pkg"
fi
