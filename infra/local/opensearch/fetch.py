"""Fetches Maven artifacts without Maven: `fetch.py jars.sha256 REPOSITORY`.

jars.sha256 names each file by its path in a repository. The list is what `mvn dependency:list` resolves for OpenSearch
(org.opensearch: opensearch; org.opensearch.plugin: transport-netty4-client, lang-painless, opensearch-knn), log4j-core in
OpenSearch's version, and the compiler of LocalNode.java, org.eclipse.jdt: ecj.

The caller compares the digests.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

from jgo.maven import MavenContext


def configure():
    """Returns the mirror of the central repository that the user's Maven is told to use, if any. Takes over its proxy."""
    file = Path.home() / ".m2/settings.xml"
    if not file.exists():
        return None
    settings = ElementTree.parse(file)
    for proxy in settings.iterfind("{*}proxies/{*}proxy"):
        if proxy.findtext("{*}active", "true") == "true":
            address = f"{proxy.findtext('{*}host')}:{proxy.findtext('{*}port', '8080')}"
            os.environ.setdefault("HTTPS_PROXY", f"http://{address}")
    for mirror in settings.iterfind("{*}mirrors/{*}mirror"):
        of = {name.strip() for name in mirror.findtext("{*}mirrorOf", "").split(",")}
        if of & {"*", "external:*", "central"} and "!central" not in of:
            return mirror.findtext("{*}url").rstrip("/")
    return None


def main():
    listed, repository = map(Path, sys.argv[1:])
    # requests uses another variable for the certificates that were configured for pip.
    if "SSL_CERT_FILE" in os.environ:
        os.environ.setdefault("REQUESTS_CA_BUNDLE", os.environ["SSL_CERT_FILE"])
    mirror = configure()
    context = MavenContext(repo_cache=repository, remote_repos={"central": mirror} if mirror else None, timeout=60)

    def fetch(line):
        *group, name, version, file = line.split()[1].split("/")
        component = context.project(".".join(group), name).at_version(version)
        component.artifact(packaging=file.rpartition(".")[2]).resolve()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fetch, listed.read_text().splitlines()))


main()
