#!/usr/bin/env python3
"""Measures a run of `renew` over many lineages of which nothing is due, beside certbot's own.

  Tests/benchmark-renew.py [--lineages 10000] [--certbot 500] [certctl]

It makes a store of that many lineages for each of the two in a temporary folder, with one
certificate under all names, and prints CPU time, peak memory, the network sockets that were opened,
and the ratio per lineage. It needs openssl, and certbot and strace for their parts. It ends with 1
when certctl opens a socket, needs more than 64 MB, or takes more than 0.01 times what certbot does.
"""
import argparse, datetime, json, os, resource, shutil, subprocess, sys, tempfile

def call(command, **options):
    """CPU seconds and peak memory in MB of a command that must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} ended with {status}:\n{output.decode()[-2000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output.decode()

def certificate(folder):
    def run(*command):
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-days", "90", "-subj", "/CN=Test", "-addext", "subjectAltName=DNS:example.com",
        "-keyout", "key.pem", "-out", "cert.pem")
    der = subprocess.run(["openssl", "x509", "-in", "cert.pem", "-outform", "DER"], cwd=folder,
                         check=True, capture_output=True).stdout
    import hashlib
    return hashlib.sha256(der).hexdigest()

def certctl_store(folder, names, source, fingerprint):
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp = lambda hours: (now + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for part in ("archive", "live", "lineages"):
        os.makedirs(f"{folder}/{part}")
    for name in names:
        generation = f"{folder}/archive/{name}/0001"
        os.makedirs(generation)
        for file in ("cert", "chain", "fullchain"):
            os.link(f"{source}/cert.pem", f"{generation}/{file}.pem")
        os.link(f"{source}/key.pem", f"{generation}/privkey.pem")
        os.symlink(f"../archive/{name}/0001", f"{folder}/live/{name}")
        settings = {
            "names": [{"type": "dns", "value": name}], "authorities": ["letsencrypt"],
            "challenge": {"type": "http-01"}, "keyType": "ec256", "reuseKey": False, "files": {}}
        lineage = {
            "version": 1, "name": name, "settings": settings,
            "issuance": {"directory": "https://acme-v02.api.letsencrypt.org/directory",
                         "account": "0123456789ab", "settings": settings, "date": stamp(-1)},
            "schedule": {"certificate": fingerprint, "obtained": stamp(-1),
                         "suggestion": {"start": stamp(1440), "end": stamp(1488),
                                        "instant": stamp(1460)},
                         "look": {"date": stamp(-1), "next": stamp(12)}},
            "deployment": {"certificate": fingerprint, "date": stamp(-1)}}
        with open(f"{folder}/lineages/{name}.json", "w") as file:
            json.dump(lineage, file)

def certbot_store(folder, names, source):
    for name in names:
        archive, live = f"{folder}/archive/{name}", f"{folder}/live/{name}"
        os.makedirs(archive)
        os.makedirs(live)
        os.makedirs(f"{folder}/renewal", exist_ok=True)
        paths = ""
        for file, origin in (("cert", "cert"), ("chain", "cert"), ("fullchain", "cert"),
                             ("privkey", "key")):
            os.link(f"{source}/{origin}.pem", f"{archive}/{file}1.pem")
            os.symlink(f"../../archive/{name}/{file}1.pem", f"{live}/{file}.pem")
            paths += f"{file} = {live}/{file}.pem\n"
        with open(f"{folder}/renewal/{name}.conf", "w") as file:
            file.write(f"version = 2.1.0\narchive_dir = {archive}\n{paths}[renewalparams]\n"
                       "account = 0123456789abcdef\nauthenticator = standalone\n"
                       "server = https://acme-v02.api.letsencrypt.org/directory\n")

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("certctl", nargs="?", default=".build/release/certctl")
    parser.add_argument("--lineages", type=int, default=10000)
    parser.add_argument("--certbot", type=int, default=500)
    options = parser.parse_args()
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        fingerprint = certificate(folder)
        store = f"{folder}/certctl"
        names = [f"n{number}.example.com" for number in range(options.lineages)]
        certctl_store(store, names, folder, fingerprint)
        config = f"{folder}/certctl.toml"
        open(config, "w").close()
        renew = [options.certctl, "renew", "--state-dir", store, "--config", config]
        cpu, memory, output = call(renew)
        print(f"certctl, {options.lineages} lineages, no index: {cpu:.3f} s CPU, {memory:.0f} MB")
        if "Nothing is due" not in output:
            sys.exit(output[-2000:])
        worst = memory
        runs = [call(renew) for _ in range(5)]
        cpu = sorted(run[0] for run in runs)[2]
        memory = max(run[1] for run in runs)
        worst = max(worst, memory)
        print(f"certctl, {options.lineages} lineages, index:    {cpu:.3f} s CPU, {memory:.0f} MB")
        if worst > 64:
            failures.append("more than 64 MB")
        if shutil.which("strace"):
            trace = f"{folder}/trace"
            call(["strace", "-f", "-o", trace, "-e", "trace=socket,connect"] + renew)
            sockets = [line for line in open(trace) if "AF_INET" in line]
            print(f"certctl: {len(sockets)} network sockets")
            if sockets:
                failures.append("the network was used")
        if shutil.which("certbot"):
            peer = f"{folder}/certbot"
            certbot_store(peer, names[:options.certbot], folder)
            common = ["--config-dir", peer, "--work-dir", f"{folder}/work", "--logs-dir",
                      f"{folder}/logs"]
            base, _, _ = call(["certbot", "--version"])
            peer_cpu, peer_memory, output = call(["certbot", "renew", "--quiet"] + common)
            each = (peer_cpu - base) / options.certbot
            ratio = cpu / options.lineages / each
            print(f"certbot, {options.certbot} lineages: {peer_cpu:.3f} s CPU ({each * 1000:.2f} ms each "
                  f"beside its start), {peer_memory:.0f} MB")
            print(f"ratio per lineage: {ratio:.5f}")
            if ratio > 0.01:
                failures.append("more than 0.01 times certbot")
    if failures:
        sys.exit("too much: " + ", ".join(failures))

main()
