"""Everything the service refuses or fails at, in one tree; each travels to the client as an `error` message."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

KILLED = 9
"""SIGKILL, which Windows does not name: what a system sends when its memory is full."""


class BridgeError(Exception):
    """Base of everything the service refuses or fails at.

    `code` is stable and for programs, `message` says in one line what is wrong, `hint` in one line what to do.
    `retryable`: the same request may succeed later. `ref` finds the line in the log, where there is one.

    BridgeError
    ├── MessageError       a message that the protocol does not know
    ├── GrantError         a clip that may not be read
    ├── TransferError      an upload that does not keep its own announcement
    ├── JobError           a job that cannot be taken, found or changed
    ├── WorkerError        the engine refused, failed, crashed, hung or was stopped
    ├── ServiceError       the service cannot start, or a command about it cannot do its work
    └── UnreachableError   the client cannot reach, or does not trust, a service
    """

    def __init__(self, code: str, message: str, hint: str, *, retryable: bool = False, ref: str | None = None) -> None:
        super().__init__(one_line(message))
        self.code, self.message, self.hint = code, one_line(message), one_line(hint)
        self.retryable, self.ref = retryable, ref


LONGEST = 500
"""Most characters of a sentence for people: lists of jobs hold many of them and must fit into one message."""


def one_line(text: str) -> str:
    """A sentence in which a client or the engine may have named anything, fit to be read, logged and sent: without
    control characters and lone surrogates, and not endless."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


class MessageError(BridgeError):
    """A message that the protocol does not know. `answers`: the id of the message at fault, where it can be read."""

    answers: str | None = None

    @classmethod
    def malformed(cls, why: str) -> Self:
        return cls(
            "message.malformed",
            f"The message does not have the protocol's form: {why}.",
            "See PROTOCOL.md, section “Envelope”.",
        )

    @classmethod
    def unknown_type(cls, name: str) -> Self:
        return cls(
            "message.unknown_type",
            f"No message is called “{name[:64]}”.",
            "See PROTOCOL.md; the service may be older than the client.",
        )

    @classmethod
    def invalid(cls, where: str, why: str) -> Self:
        return cls("message.invalid", f"{where}: {why}.", "See the message's table in PROTOCOL.md.")


class GrantError(BridgeError):
    """A clip that may not be read."""

    @classmethod
    def not_allowed(cls, why: str) -> Self:
        return cls(
            "grant.not_allowed",
            f"This path cannot be granted: {why}.",
            "Grant the full path of an ordinary video file, or of a folder of numbered images.",
        )

    @classmethod
    def missing(cls, name: str) -> Self:
        return cls("grant.missing", f"There is no file “{name}”.", "Check that the clip was not moved or renamed.")

    @classmethod
    def unknown(cls) -> Self:
        return cls(
            "grant.unknown",
            "This client holds no such grant.",
            "Send grant.clip first; grants end with the connection.",
        )

    @classmethod
    def changed(cls, name: str) -> Self:
        return cls("grant.changed", f"“{name}” changed after it was granted.", "Grant the clip again.")

    @classmethod
    def too_many(cls, limit: int) -> Self:
        return cls("grant.too_many", f"A client holds at most {limit} grants.", "Connect again to start afresh.")


class TransferError(BridgeError):
    """An upload that does not keep its own announcement."""

    @classmethod
    def unknown(cls) -> Self:
        return cls("transfer.unknown", "No such transfer was begun here.", "Send transfer.begin first.")

    @classmethod
    def exists(cls) -> Self:
        return cls(
            "transfer.exists", "This transfer was begun with other parameters.", "Use a fresh UUID for each transfer."
        )

    @classmethod
    def too_large(cls, size: int, limit: int) -> Self:
        return cls(
            "transfer.too_large", f"{size:,} bytes are more than the limit of {limit:,}.", "Send a smaller image."
        )

    @classmethod
    def too_many(cls, limit: int) -> Self:
        return cls(
            "transfer.too_many",
            f"{limit} transfers of this client are under way already.",
            "End or abort one of them first.",
            retryable=True,
        )

    @classmethod
    def size_differs(cls, declared: int, expected: int) -> Self:
        return cls(
            "transfer.size_differs",
            f"{declared:,} bytes were announced, but an image of this form has {expected:,}.",
            "Send rows without padding: width × channels × bits ÷ 8 bytes each.",
        )

    @classmethod
    def no_gray_alpha(cls) -> Self:
        return cls("transfer.no_gray_alpha", "Raw pixels are gray, RGB or RGBA.", "Send a mask as gray alone.")

    @classmethod
    def out_of_order(cls, got: int, expected: int) -> Self:
        return cls(
            "transfer.out_of_order",
            f"A chunk for offset {got:,} came where {expected:,} was due.",
            "Send chunks in order, or begin the transfer again under a fresh UUID.",
        )

    @classmethod
    def overrun(cls) -> Self:
        return cls("transfer.overrun", "More bytes came than were announced.", "Begin again under a fresh UUID.")

    @classmethod
    def incomplete(cls, got: int, size: int) -> Self:
        return cls(
            "transfer.incomplete",
            f"Only {got:,} of {size:,} bytes came.",
            "Send the missing chunks, then transfer.end.",
        )

    @classmethod
    def corrupt(cls) -> Self:
        return cls(
            "transfer.corrupt",
            "The bytes do not have the announced sha256.",
            "Send the transfer again.",
            retryable=True,
        )

    @classmethod
    def not_png(cls, why: str) -> Self:
        return cls("transfer.not_png", f"This is not the announced PNG: {why}.", "Export the frame again.")

    @classmethod
    def other_kind(cls) -> Self:
        return cls(
            "transfer.other_kind",
            "An image is no clip, and a clip no image.",
            "Announce images with transfer.begin and clips with clip.begin.",
        )

    @classmethod
    def unfinished(cls) -> Self:
        return cls("transfer.unfinished", "This transfer has not ended yet.", "Send transfer.end, then use it.")

    @classmethod
    def not_kept(cls, why: str) -> Self:
        return cls("transfer.not_kept", f"The image cannot be kept: {why}.", "Check the bridge's data folder.")

    @classmethod
    def no_file(cls, name: str) -> Self:
        return cls(
            "transfer.no_file",
            f"There is no file “{name}” to fetch.",
            "Fetch what the job's result or clip.frame named.",
        )

    @classmethod
    def lost(cls, why: str) -> Self:
        return cls("transfer.lost", f"The file cannot be read any more: {why}.", "Fetch it again.", retryable=True)

    @classmethod
    def disk_full(cls) -> Self:
        return cls(
            "transfer.disk_full", "The disk is full.", "Free some space, then send the frame again.", retryable=True
        )


class JobError(BridgeError):
    """A job that cannot be taken, found, changed or kept."""

    @classmethod
    def conflict(cls) -> Self:
        return cls("job.conflict", "A job with this id has other parameters.", "Use a fresh UUID for each job.")

    @classmethod
    def hash_differs(cls) -> Self:
        return cls(
            "job.hash_differs", "The parameters do not have the given hash.", "See PROTOCOL.md, “Parameter hash”."
        )

    @classmethod
    def unknown(cls) -> Self:
        return cls(
            "job.unknown", "The service knows no such job.", "List the jobs with `videoshop jobs`, or submit it again."
        )

    @classmethod
    def ambiguous(cls, name: str, count: int) -> Self:
        return cls("jobs.ambiguous", f"The ids of {count} jobs begin with “{name}”.", "Give more characters of the id.")

    @classmethod
    def too_many(cls, limit: int) -> Self:
        return cls(
            "job.too_many", f"{limit} jobs wait already.", "Wait until one is done, or cancel one.", retryable=True
        )

    @classmethod
    def state_forbids(cls, what: str, state: str) -> Self:
        return cls("job.state_forbids", f"A job that is {state} cannot be {what}.", "Look at the job's state first.")

    @classmethod
    def images_gone(cls) -> Self:
        return cls(
            "job.images_gone", "The images of that job are no longer kept.", "Send the edited frame again as a new job."
        )

    @classmethod
    def not_kept(cls, why: str) -> Self:
        return cls(
            "job.not_kept",
            f"The job cannot be written to the journal: {why}.",
            "Free some space on the disk of the bridge's data folder, then try again.",
            retryable=True,
        )

    @classmethod
    def interrupted(cls, times: int) -> Self:
        return cls(
            "job.interrupted",
            f"The bridge ended {times} times in a row while this job ran, so it was not started again.",
            "Retry it with nothing else running; if the machine goes down again, try a shorter range.",
            retryable=True,
        )


class WorkerError(BridgeError):
    """The engine refused, failed, crashed, hung or was stopped."""

    @property
    def cancelled(self) -> bool:
        return self.code == "cancelled"

    @classmethod
    def stopped(cls) -> Self:
        return cls("cancelled", "The job was cancelled.", "Start it again when you like; nothing was changed.")

    @classmethod
    def crashed(cls, exit_code: int, ref: str) -> Self:
        """`exit_code` is minus the signal where one killed it."""
        how = f"by signal {-exit_code}" if exit_code < 0 else f"with exit code {exit_code}"
        why = "; the system may have run out of memory" if exit_code == -KILLED else ""
        return cls(
            "engine.crashed",
            f"The engine process ended {how} in the middle of its work{why}.",
            "The next job gets a fresh engine; if this one fails again, try a shorter range or a smaller clip.",
            retryable=True,
            ref=ref,
        )

    @classmethod
    def hung(cls, seconds: float, ref: str) -> Self:
        return cls(
            "engine.hung",
            f"The engine process gave no sign of life for {seconds:.0f} s and was stopped.",
            "Submit the job again; if it hangs again, the clip may be damaged.",
            retryable=True,
            ref=ref,
        )

    @classmethod
    def out_of_memory(cls, limit: int, ref: str) -> Self:
        """`limit` in bytes."""
        return cls(
            "engine.out_of_memory",
            f"The engine process took more than {limit / 1e9:.1f} GB of memory and was stopped.",
            "Close other programs, or try a shorter range or a smaller clip.",
            retryable=True,
            ref=ref,
        )

    @classmethod
    def too_long(cls, seconds: float) -> Self:
        return cls(
            "engine.too_long",
            f"The engine process had no answer after {seconds:.0f} s and was stopped.",
            "The clip may be damaged or very long; check that it plays, then try again.",
            retryable=True,
        )

    @classmethod
    def stuck(cls, seconds: float, ref: str) -> Self:
        return cls(
            "engine.hung",
            f"The engine process lives but did nothing for {seconds:.0f} s, and was stopped.",
            "The clip may be damaged: convert it, for instance to ProRes, and submit the job again.",
            retryable=True,
            ref=ref,
        )

    @classmethod
    def misunderstood(cls, what: str) -> Self:
        return cls(
            "engine.misunderstood",
            f"The engine's answer to “{what}” is not one that this bridge knows.",
            "Install bridge and engine of the same version.",
        )

    @classmethod
    def result_lost(cls, why: str) -> Self:
        return cls("engine.result_lost", f"The result is gone: {why}.", "Submit the job again.", retryable=True)

    @classmethod
    def disk_full(cls) -> Self:
        return cls(
            "resource.disk_full",
            "The disk of the bridge's data folder is almost full.",
            "Free some space, then retry the job; it goes on where it can.",
            retryable=True,
        )

    @classmethod
    def folder_lost(cls, why: str) -> Self:
        return cls(
            "output.not_writable",
            f"The job's folder cannot be written to: {why}.",
            "Check the bridge's data folder, then retry the job.",
            retryable=True,
        )

    @classmethod
    def cannot_start(cls, why: str) -> Self:
        return cls("engine.cannot_start", f"The engine does not start: {why}.", "Install Videoshop Bridge again.")


class ServiceError(BridgeError):
    """The service cannot start, or a command about it cannot do its work."""

    @property
    def already(self) -> bool:
        """Whether it does not start because it runs."""
        return self.code == "service.already_running"

    @classmethod
    def already_running(cls, version: str, port: int, pid: int) -> Self:
        return cls(
            "service.already_running",
            f"Videoshop Bridge {version} is already running on port {port} (pid {pid}).",
            "Use the one that runs; `videoshop doctor` says how it is.",
        )

    @classmethod
    def already_starting(cls) -> Self:
        return cls(
            "service.already_running",
            "Videoshop Bridge is already running, but has not said on which port.",
            "Wait a moment; if it stays so, `videoshop doctor` says what is wrong.",
        )

    @classmethod
    def busy(cls) -> Self:
        return cls(
            "bridge.busy", "A job runs.", "Wait until it is done, or end the service all the same.", retryable=True
        )

    @classmethod
    def config_unusable(cls, path: Path, why: str) -> Self:
        return cls(
            "service.config_unusable",
            f"{path} cannot be used: {why}.",
            "Make the folder one that you may write, or name another one in VIDEOSHOP_CONFIG.",
        )

    @classmethod
    def bundle_exists(cls, path: Path) -> Self:
        return cls(
            "service.bundle_exists",
            f"“{path.name}” exists already, and was left as it is.",
            "Name another file with --bundle, or remove this one.",
        )

    @classmethod
    def bundle_unwritable(cls, path: Path, why: str) -> Self:
        return cls(
            "service.bundle_unwritable",
            f"“{path.name}” cannot be written: {why}.",
            "Name a file in a folder that you may write with --bundle.",
        )

    @classmethod
    def ports_taken(cls, ports: Sequence[int]) -> Self:
        return cls(
            "service.ports_taken",
            f"Every port of {', '.join(map(str, ports))} is taken.",
            "Another bridge may be running already; end it, or choose a port with --port.",
        )

    @classmethod
    def folder_unusable(cls, path: Path, why: str) -> Self:
        return cls("service.folder_unusable", f"{path} cannot be used: {why}.", "Choose another folder with --output.")

    @classmethod
    def not_announced(cls, path: Path, why: str) -> Self:
        return cls(
            "service.not_announced",
            f"{path} cannot be written: {why}.",
            "Hosts find the bridge by this file; see that its folder can be written to.",
        )

    @classmethod
    def journal_unusable(cls, path: Path, why: str) -> Self:
        return cls(
            "service.journal_unusable",
            f"The journal of jobs {path} cannot be used: {why}.",
            "See that its disk has space and that no other bridge uses the same data folder.",
        )

    @classmethod
    def journal_newer(cls, path: Path) -> Self:
        return cls(
            "service.journal_newer",
            f"The journal of jobs {path} was written by a newer Videoshop Bridge.",
            "Update this one, or choose another data folder with VIDEOSHOP_DATA.",
        )

    @classmethod
    def token_exposed(cls, path: Path) -> Self:
        return cls(
            "service.token_exposed",
            f"The pairing token in {path} can be read by others.",
            "Delete the file: a new token is made, and each host pairs again.",
        )

    @classmethod
    def token_unusable(cls, path: Path, why: str) -> Self:
        return cls(
            "service.token_unusable",
            f"The pairing token in {path} cannot be used: {why}.",
            "Delete the file: a new token is made, and each host pairs again.",
        )


class UnreachableError(BridgeError):
    """The client cannot reach, or does not trust, a service."""

    @classmethod
    def not_running(cls) -> Self:
        return cls("bridge.not_running", "No bridge is running.", "Start it with `videoshop serve`.", retryable=True)

    @classmethod
    def no_answer(cls, port: int, why: str) -> Self:
        return cls(
            "bridge.no_answer",
            f"Nothing on port {port} speaks for the bridge: {why}.",
            "Start it with `videoshop serve`.",
            retryable=True,
        )

    @classmethod
    def no_browser(cls) -> Self:
        return cls("bridge.no_browser", "No browser could be opened.", "Open what `videoshop open --print` prints.")

    @classmethod
    def not_trusted(cls) -> Self:
        return cls(
            "bridge.not_trusted",
            "The process on this port does not know the pairing token; nothing was sent to it.",
            "Another program may have taken the bridge's port. End it and start the bridge again.",
        )

    @classmethod
    def version(cls, low: int, high: int, ours: int) -> Self:
        return cls(
            "bridge.version",
            f"The bridge speaks protocol {low} to {high}, this client speaks {ours}.",
            "Update the older of the two.",
        )

    @classmethod
    def closed(cls, code: int, reason: str) -> Self:
        return cls(
            "bridge.closed",
            f"The bridge closed the connection ({code} {reason}).".replace(" )", ")"),
            "Connect again.",
            retryable=True,
        )
