"""What Reef does on an instance, sent along with every order and run there as root.

Called with the path of an order: JSON, gzipped, in base64, or `@<name> <parts>` for one that was sent
ahead in pieces. Every order may come twice and then changes nothing more. What it has to say goes to
standard output as `reef1:<base64 of gzipped JSON>:`. Exit code 1: it will not work; 75: it may, later.
Needs nothing but Python 3 and, where there are secrets, the `aws` command.
"""

import base64
import contextlib
import fcntl
import gzip
import hashlib
import json
import os
import pwd
import re
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

MEMO_DAYS = 7
POLICY_BEGIN, POLICY_END = "<!-- reef:policy -->", "<!-- /reef:policy -->"


class Trouble(Exception):
    """It will not work, whoever tries."""

    code = 1


class Later(Trouble):
    """It may work later."""

    code = 75


def read(path, default=""):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return default


def write(path, text, mode=0o600):
    """Whole or not at all."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    fresh = path + ".reef-new"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


def quoted(value):
    """As systemd reads it in an environment file."""
    return '"%s"' % re.sub(r'[\\"$`]', r"\\\g<0>", value)


@contextlib.contextmanager
def locked(path):
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Place:
    """Where things are on this instance."""

    def __init__(self, place):
        self.unit, self.port = place["unit"], place["port"]
        self.state, self.region = place["state"], place["region"]
        self.drop_in = os.path.join(place["units"], self.unit.removesuffix(".service") + ".service.d", "reef.conf")
        self.environment = os.path.join(self.state, "gateway.env")
        self.lent = os.path.join(self.state, "lent.json")
        try:
            self.user = pwd.getpwnam(place["user"])
        except KeyError:
            raise Trouble("the image has no user " + place["user"]) from None
        self.home = place["home"] or os.path.join(self.user.pw_dir, ".openclaw")
        self.config = os.path.join(self.home, "openclaw.json")

    def path(self, *names):
        return os.path.join(self.state, *names)

    def workspace(self, agent):
        return os.path.join(self.home, "workspace-" + agent)

    @contextlib.contextmanager
    def as_gateway(self):
        """As the gateway's user, who can leave symbolic links wherever we write in its home."""
        if os.geteuid() != 0 or self.user.pw_uid == 0:
            yield
            return
        groups, mask = os.getgroups(), os.umask(0o077)
        os.setgroups(os.getgrouplist(self.user.pw_name, self.user.pw_gid))
        os.setegid(self.user.pw_gid)
        os.seteuid(self.user.pw_uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(groups)
            os.umask(mask)

    # The gateway's environment: its own token, variables of the owner, keys of model providers.

    def kept(self):
        return json.loads(read(self.lent, "{}"))

    def variables(self):
        kept = self.kept()
        environment = {name: known["value"] for name, known in kept.get("environment", {}).items()}
        return {**environment, **kept.get("keys", {}), **kept.get("own", {})}

    def equip(self, lent=None):
        """Gives the gateway its token and, where it is said which, its variables and keys."""
        kept = self.kept()
        own, keys = kept.setdefault("own", {}), kept.setdefault("keys", {})
        own.setdefault("OPENCLAW_GATEWAY_TOKEN", secrets.token_hex(32))
        for name, parameter in (lent or {}).get("keys", {}).items():
            if parameter is None:
                keys.pop(name, None)
            else:
                keys[name] = self.secret(parameter)
        if "environment" in (lent or {}):
            before = kept.get("environment", {})
            kept["environment"] = {
                name: self.variable(before.get(name), parameter, version)
                for name, (parameter, version) in lent["environment"].items()
            }
        if kept != self.kept():
            write(self.lent, json.dumps(kept))
        lines = "".join("%s=%s\n" % (name, quoted(value)) for name, value in sorted(self.variables().items()))
        if lines != read(self.environment):
            write(self.environment, lines)
        write(self.drop_in, "[Service]\nEnvironmentFile=%s\n" % self.environment, 0o644)

    def variable(self, known, parameter, version):
        if known and (known["parameter"], known["version"]) == (parameter, version):
            return known
        value = self.secret("%s:%d" % (parameter, version))
        return {"parameter": parameter, "version": version, "value": value}

    def secret(self, parameter):
        command = ["aws", "ssm", "get-parameter", "--with-decryption", "--region", self.region]
        command += ["--name", parameter, "--query", "Parameter.Value", "--output", "json"]
        try:
            told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except FileNotFoundError:
            raise Trouble("the image has no aws command, so secrets cannot be read") from None
        except subprocess.TimeoutExpired:
            raise Later("the parameter store does not answer") from None
        if "ParameterVersionNotFound" in told.stderr:
            raise Later("the parameter store does not know version %s yet" % parameter)
        if told.returncode != 0:
            raise Trouble("the instance may not read parameter %s: %s" % (parameter, told.stderr[-300:]))
        try:
            value = json.loads(told.stdout)
        except ValueError:
            value = None
        if not isinstance(value, str):
            raise Trouble("parameter %s is no text" % parameter)
        return value

    # Its configuration.

    def edit(self, change):
        text = read(self.config, "{}")
        try:
            config = json.loads(text)
        except ValueError:
            raise Trouble("%s is not JSON" % self.config) from None
        before = json.dumps(config, sort_keys=True)
        gateway = config.setdefault("gateway", {})
        gateway.setdefault("mode", "local")
        gateway.setdefault("port", self.port)
        gateway["auth"] = {"mode": "token", "token": "${OPENCLAW_GATEWAY_TOKEN}"}
        endpoints = gateway.setdefault("http", {}).setdefault("endpoints", {})
        endpoints.setdefault("chatCompletions", {})["enabled"] = True
        change(config.setdefault("agents", {}).setdefault("entries", {}))
        if json.dumps(config, sort_keys=True) != before:
            write(self.config, json.dumps(config, indent=2) + "\n")
        return config

    def settle(self, config, patience, gone=None):
        """Waits until the gateway serves exactly these agents. It takes them up while it runs; its own
        settings and its keys it takes up at a restart only."""
        until = time.monotonic() + patience
        if read(self.path("applied")) != self.own(config) or not self.is_active():
            self.restart(config, until)
        wanted = set(config["agents"]["entries"])
        while True:
            served = self.served()
            if served is not None and wanted <= served and gone not in served:
                return
            if time.monotonic() > until:
                raise Later("the gateway does not take up its agents: it serves %s" % (served or "nobody"))
            time.sleep(0.2)

    # Its process.

    def systemctl(self, *arguments):
        done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Trouble("systemctl %s: %s" % (" ".join(arguments), done.stderr.strip()[-300:]))
        return done.stdout

    def shown(self):
        names = "--property=ActiveState,ActiveEnterTimestampMonotonic"
        lines = self.systemctl("show", self.unit, names).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def is_active(self):
        return self.shown().get("ActiveState") == "active"

    def own(self, config):
        """What it takes up at a restart only."""
        own = json.dumps([config["gateway"], sorted(self.variables().items())], sort_keys=True)
        return hashlib.sha256(own.encode()).hexdigest()

    def restart(self, config, until):
        """It may take minutes to end what it is working on: only the next process counts."""
        before = self.shown()
        self.systemctl("daemon-reload")
        self.systemctl("restart", "--no-block", self.unit)
        while True:
            now = self.shown()
            is_new = now.get("ActiveEnterTimestampMonotonic") != before.get("ActiveEnterTimestampMonotonic")
            if now.get("ActiveState") == "active" and is_new and self.answers():
                write(self.path("applied"), self.own(config))
                return
            if now.get("ActiveState") == "failed":
                raise Trouble("the gateway does not start; see journalctl -u %s" % self.unit)
            if time.monotonic() > until:
                raise Later("the gateway is not back yet: %s" % now.get("ActiveState"))
            time.sleep(0.5)

    def answers(self):
        try:
            with OPENER.open("http://127.0.0.1:%d/healthz" % self.port, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def authorization(self):
        return {"Authorization": "Bearer " + self.variables().get("OPENCLAW_GATEWAY_TOKEN", "")}

    def served(self):
        """Names of the agents it serves now; `None`: it does not say."""
        asked = urllib.request.Request("http://127.0.0.1:%d/v1/models" % self.port, headers=self.authorization())
        try:
            with OPENER.open(asked, timeout=5) as answer:
                return {model["id"].removeprefix("openclaw/") for model in json.load(answer)["data"]}
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def since(self):
        """When its process came up, in seconds since 1970."""
        shown = self.shown()
        if shown.get("ActiveState") != "active":
            raise Later("the gateway is %s" % shown.get("ActiveState", "not known to systemd"))
        up_for = time.clock_gettime(time.CLOCK_MONOTONIC) - int(shown["ActiveEnterTimestampMonotonic"]) / 1e6
        return int(time.time() - up_for)

    def converse(self, request, patience):
        """Has an agent answer; what it said and used."""
        headers = {**self.authorization(), "Content-Type": "application/json"}
        url = "http://127.0.0.1:%d/v1/chat/completions" % self.port
        asked = urllib.request.Request(url, json.dumps(request).encode(), headers)
        try:
            with OPENER.open(asked, timeout=patience) as answer:
                said = json.load(answer)
            message = said["choices"][0]["message"]["content"]
        except urllib.error.HTTPError as error:
            text = error.read(4000).decode(errors="replace")
            kind = Later if error.code in (429, 503) else Trouble
            raise kind("the gateway answered HTTP %d: %s" % (error.code, text)) from None
        except TimeoutError:
            raise Trouble("the gateway did not answer within %d s" % patience) from None
        except OSError as error:
            raise Later("the gateway cannot be reached: %s" % error) from None
        except (ValueError, LookupError, TypeError):
            raise Trouble("the gateway's answer has another form") from None
        usage = said.get("usage") or {}
        return {
            "content": message or "",
            "input_tokens": usage.get("prompt_tokens") or 0,
            "output_tokens": usage.get("completion_tokens") or 0,
        }


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def seed(place, agent):
    """Files the agent has not yet, and its policy where it reads it at every start."""
    root = place.workspace(agent["id"])
    os.makedirs(root, mode=0o700, exist_ok=True)
    for name, text in agent["workspace"].items():
        parts = name.split("/")
        if name.startswith("/") or "" in parts or "." in parts or ".." in parts:
            raise Trouble("a workspace has no file %r" % name)
        path = os.path.join(root, *parts)
        if not os.path.lexists(path):
            write(path, text)
    path = os.path.join(root, "AGENTS.md")
    before = read(path)
    own = re.sub(re.escape(POLICY_BEGIN) + ".*?" + re.escape(POLICY_END) + "\n?", "", before, flags=re.S)
    after = own
    if agent["policy"]:
        section = "%s\n## Policy\n\nThese rules bind you. DENY beats REQUIRE CONFIRM beats ALLOW.\n\n%s\n%s\n"
        gap = "" if not own or own.endswith("\n") else "\n"
        after = own + gap + section % (POLICY_BEGIN, agent["policy"], POLICY_END)
    if after != before:
        write(path, after)


def learn(place, agent):
    """Installed skills, each in a folder of its own: all of it is replaced, and what is no longer named goes."""
    root = os.path.join(place.workspace(agent["id"]), "skills")
    note = os.path.join(root, ".reef-installed")
    before = read(note).split()
    if before or agent["installed"]:
        # Whatever happens on the way, nothing is forgotten that is to go later.
        write(note, "\n".join(sorted(set(before) | set(agent["installed"]))))
    for name in sorted(set(before) | set(agent["installed"])):
        if not re.fullmatch("[a-z0-9-]{1,64}", name):
            raise Trouble("no skill is called %r" % name)
        folder = os.path.join(root, name)
        files = agent["installed"].get(name, {})
        if name in before or files:
            if os.path.islink(folder) or os.path.isfile(folder):
                os.remove(folder)
            elif os.path.isdir(folder):
                shutil.rmtree(folder)
        for path, text in files.items():
            parts = path.split("/")
            if path.startswith("/") or "" in parts or "." in parts or ".." in parts:
                raise Trouble("a skill has no file %r" % path)
            write(os.path.join(folder, *parts), text)
    if before or agent["installed"]:
        write(note, "\n".join(sorted(agent["installed"])))


def push(place, order):
    agent = order["agent"]
    place.equip(order["lent"])

    def enter(entries):
        entry = entries.setdefault(agent["id"], {})
        entry.update(name=agent["name"], workspace=place.workspace(agent["id"]), tools=agent["tools"])
        for key in ("model", "skills"):
            if agent[key]:
                entry[key] = agent[key]
            else:
                entry.pop(key, None)

    with place.as_gateway():
        seed(place, agent)
        learn(place, agent)
        config = place.edit(enter)
    write(place.path("agents", agent["id"]), "policy" if agent["policy"] is not None else "settings")
    place.settle(config, order["patience"])


def configure(place, order):
    """Tools of the agents that no policy rules; the others learn at their push."""
    place.equip()
    folder = place.path("agents")
    known = os.listdir(folder) if os.path.exists(folder) else []
    ruled_by_settings = [agent for agent in known if read(os.path.join(folder, agent)) == "settings"]

    def enter(entries):
        for agent in ruled_by_settings:
            if agent in entries:
                entries[agent]["tools"] = order["tools"]

    place.settle(edit_as_gateway(place, enter), order["patience"])


def edit_as_gateway(place, change):
    with place.as_gateway():
        return place.edit(change)


def rest(place, order):
    config = edit_as_gateway(place, lambda entries: entries.pop(order["agent"], None))
    place.settle(config, order["patience"], gone=order["agent"])


def remove(place, order):
    agent = order["agent"]
    rest(place, order)
    with place.as_gateway():
        for path in (place.workspace(agent), os.path.join(place.home, "agents", agent)):
            if os.path.lexists(path):
                shutil.rmtree(path)
    with contextlib.suppress(FileNotFoundError):
        os.remove(place.path("agents", agent))


def restart(place, order):
    mark = place.path("gateway-restart")
    if read(mark) != order["token"] or not place.is_active():
        place.equip(order["lent"])
        config = edit_as_gateway(place, lambda entries: None)
        place.restart(config, time.monotonic() + order["patience"])
        write(mark, order["token"])
    return {"since": place.since()}


def chat(place, order):
    return place.converse(order["request"], order["patience"])


def task(place, order):
    """Handed over twice, it is worked on once: who comes second waits and gets the same result."""
    folder = place.path("tasks")
    with locked(os.path.join(folder, order["task"] + ".lock")):
        path = os.path.join(folder, order["task"])
        if os.path.exists(path):
            return json.loads(read(path))
        result = place.converse(order["request"], order["patience"])
        write(path, json.dumps(result))
    for name in os.listdir(folder):
        old = os.path.join(folder, name)
        if os.path.getmtime(old) < time.time() - MEMO_DAYS * 86400:
            os.remove(old)
    return result


# Those that change the gateway follow each other; agents talk and work side by side.
CHANGES = {"push": push, "configure": configure, "rest": rest, "remove": remove, "restart": restart}
WORK = {"chat": chat, "task": task}


def ordered(path):
    text = read(path).strip()
    if text.startswith("@"):
        name, parts = text[1:].split(" ")
        pieces = [read("%s.%d" % (name, at)).strip() for at in range(int(parts))]
        if "" in pieces:
            raise Later("a piece of the order is missing")
        text = "".join(pieces)
        for at in range(int(parts)):
            os.remove("%s.%d" % (name, at))
    return json.loads(gzip.decompress(base64.b64decode(text)))


def main():
    os.umask(0o077)
    try:
        order = ordered(sys.argv[1])
        place = Place(order["place"])
        if order["do"] in CHANGES:
            with locked(place.path("lock")):
                result = CHANGES[order["do"]](place, order)
        else:
            result = WORK[order["do"]](place, order)
    except Trouble as trouble:
        sys.stderr.write("%s\n" % trouble)
        return trouble.code
    except OSError as error:
        sys.stderr.write("%s\n" % error)
        return Trouble.code
    if result is not None:
        packed = base64.b64encode(gzip.compress(json.dumps(result).encode()))
        sys.stdout.write("reef1:%s:\n" % packed.decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
