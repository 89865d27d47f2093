// The plugin's manifest: what is fixed stands in src/hosts/photoshop/manifest.json, version and network come in here.

const HOSTS = ["localhost", "127.0.0.1"];
const SCHEMES = ["ws", "http"];

/** The bridge's ports, as bridge_server/protocol/PROTOCOL.md lists them. */
export const PORTS = [47821, 47822, 47823, 47824];

/** Every address that the panel may dial, with its port: wildcards and portless hosts do not work in UXP. */
export function domains() {
  return SCHEMES.flatMap((scheme) => HOSTS.flatMap((host) => PORTS.map((port) => `${scheme}://${host}:${port}`)));
}

/** `network`: "listed" names each address; "all" is for systems where that list is refused. */
export function manifest(fixed, { version, network }) {
  if (network !== "listed" && network !== "all") throw new Error(`--network is "listed" or "all", not "${network}".`);
  const { manifestVersion, id, name, ...rest } = fixed;
  const requiredPermissions = {
    ...rest.requiredPermissions,
    network: { domains: network === "all" ? "all" : domains() },
  };
  return { manifestVersion, id, name, version, ...rest, requiredPermissions };
}
