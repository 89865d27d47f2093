"""Which build of torch this machine can run: pure rules over what the system's own tools say. `probe` asks them.

NVIDIA: a CUDA 12 build runs with every driver from 525 on ("minor version compatibility" in NVIDIA's CUDA Compatibility
guide). torch's builds for CUDA 12.8 have kernels for compute capability 7.5 to 12.0, those for 12.6 for 5.0 to 9.0
(RELEASE.md of pytorch, "CUDA support matrix"), so that old cards need the older build, and new cards the newer.

AMD: ROCm on Linux names a card by its target; torch's builds have kernels for `ROCM_TARGETS`. Intel: torch's notes on
Intel GPUs list Arc, and the Core Ultra processors with Arc graphics; they are told by their PCI numbers.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Backend = Literal["cu128", "cu126", "rocm", "xpu", "mps", "cpu"]
Maker = Literal["NVIDIA", "AMD", "Intel", "Apple"]

OLDEST_DRIVER = 525
"""The oldest branch of NVIDIA's driver that runs CUDA 12."""
OLDEST_CARD = (5, 0)
"""The lowest compute capability with kernels in the build for CUDA 12.6."""
OLDEST_CARD_128 = (7, 5)
NEWEST_CARD_126 = (9, 0)

ROCM_TARGETS = frozenset(
    f"gfx{number}" for number in ("900", "906", "908", "90a", "942", "1030", "1100", "1101", "1102", "1200", "1201")
)

INTEL_ARC = (
    (0x0BD0, 0x0BDB, "Data Center GPU Max"),
    (0x5690, 0x56BF, "Arc A-series"),
    (0x56C0, 0x56C2, "Data Center GPU Flex"),
    (0x64A0, 0x64B0, "Arc graphics of Core Ultra 200V"),
    (0x7D45, 0x7DD5, "Arc graphics of Core Ultra"),
    (0xB080, 0xB0B0, "Arc graphics of Core Ultra, series 3"),
    (0xE202, 0xE21F, "Arc B-series"),
)
"""First and last PCI device number of what torch's build for Intel supports, from the lists in Linux's drivers."""

VENDORS: dict[int, Maker] = {0x10DE: "NVIDIA", 0x1002: "AMD", 0x8086: "Intel"}


@dataclass(frozen=True)
class Card:
    """A graphics card. `driver`: NVIDIA's version. `compute`: CUDA's compute capability. `target`: ROCm's name of it.
    `device`: its PCI device number."""

    maker: Maker
    name: str
    driver: tuple[int, ...] = ()
    compute: tuple[int, int] | None = None
    target: str | None = None
    device: int | None = None


@dataclass(frozen=True)
class Choice:
    """The backend for this machine, and in a sentence why."""

    backend: Backend
    why: str


def choose(system: str, cards: Sequence[Card]) -> Choice:
    """The backend for a system (`linux-x86_64`, `macos-arm64`, …) with these cards: the best that one of them runs."""
    if system == "macos-arm64":
        return Choice("mps", "Apple silicon.")
    refused = []
    for maker in ("NVIDIA", "AMD", "Intel"):
        for card in _decisive(card for card in cards if card.maker == maker):
            choice = _of_card(system, card)
            if choice.backend != "cpu":
                return choice
            refused.append(choice.why)
    return Choice("cpu", " ".join(refused) or "No graphics card that torch computes on was found.")


def _decisive(cards: Iterable[Card]) -> list[Card]:
    """The cards of one maker, the one to go by first: the oldest, whose build runs on the others too, unless one of
    these is too new for that."""
    rising = sorted(cards, key=lambda card: card.compute or (0, 0))
    return rising[::-1] if rising and (rising[-1].compute or (0, 0)) > NEWEST_CARD_126 else rising


def _of_card(system: str, card: Card) -> Choice:
    match card.maker:
        case "NVIDIA":
            return _nvidia(card)
        case "AMD" if not system.startswith("linux"):
            return Choice("cpu", f"{card.name}: torch computes on AMD's cards on Linux only.")
        case "AMD" if card.target is None:
            return Choice("cpu", f"{card.name}: AMD's compute driver (/dev/kfd) does not show it.")
        case "AMD" if card.target in ROCM_TARGETS:
            return Choice("rocm", f"{card.name} ({card.target}).")
        case "AMD":
            return Choice("cpu", f"{card.name}: torch has no kernels for {card.target}.")
        case "Intel" if arc_name(card.device) is not None:
            return Choice("xpu", f"Intel {arc_name(card.device)}.")
    return Choice("cpu", f"{card.name}: torch does not compute on it.")


def _nvidia(card: Card) -> Choice:
    if not card.driver:
        return Choice("cpu", f"{card.name}: NVIDIA's driver does not answer; install it, or restart after an update.")
    driver = ".".join(f"{part:02d}" for part in card.driver)  # as NVIDIA writes it: 570.133.07
    if card.driver[0] < OLDEST_DRIVER:
        return Choice("cpu", f"{card.name}: its driver {driver} is too old; update it to {OLDEST_DRIVER} or newer.")
    if card.compute is None:  # a driver too old to tell: its cards are older than the build for 12.8
        return Choice("cu126", f"{card.name}, driver {driver}.")
    number = f"{card.compute[0]}.{card.compute[1]}"
    if card.compute < OLDEST_CARD:
        return Choice("cpu", f"{card.name}: torch has no kernels for cards this old (compute capability {number}).")
    backend: Backend = "cu126" if card.compute < OLDEST_CARD_128 else "cu128"
    return Choice(backend, f"{card.name} (compute capability {number}), driver {driver}.")


def arc_name(device: int | None) -> str | None:
    """What torch's build for Intel knows a PCI device number as."""
    return next((name for first, last, name in INTEL_ARC if device is not None and first <= device <= last), None)


# What the tools say


def from_nvidia_smi(text: str) -> list[Card]:
    """Of `nvidia-smi --query-gpu=name,driver_version,compute_cap --format=csv,noheader`; the last may be missing."""
    cards = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.split(",")]
        driver = version(fields[1]) if len(fields) in (2, 3) else ()
        if driver:
            compute = re.fullmatch(r"(\d{1,3})\.(\d{1,3})", fields[2], re.ASCII) if len(fields) == 3 else None
            number = (int(compute[1]), int(compute[2])) if compute else None
            cards.append(Card("NVIDIA", fields[0], driver, number))
    return cards


def from_nvidia_module(text: str) -> tuple[int, ...]:
    """The driver's version in /proc/driver/nvidia/version; empty where it names none."""
    found = re.search(r"Kernel Module(?: for \S+)?\s+(\d[\d.]*)", text, re.ASCII)
    return version(found[1]) if found else ()


def from_kfd(properties: str) -> str | None:
    """ROCm's name of a node in /sys/class/kfd/kfd/topology/nodes/N/properties; None for a processor.

    gfx_target_version is major, minor and stepping, two decimal digits each for the last two: 90010 is gfx90a.
    """
    found = re.search(r"^gfx_target_version (\d{1,8})$", properties, re.MULTILINE | re.ASCII)
    number = int(found[1]) if found else 0
    if not number:
        return None
    return f"gfx{number // 10000}{number // 100 % 100:x}{number % 100:x}"


def from_pci(vendor: str, device: str, kind: str) -> Card | None:
    """Of the files `vendor`, `device` and `class` in /sys/bus/pci/devices/*; None where it is no graphics card."""
    numbers = [_hexadecimal(text) for text in (vendor, device, kind)]
    if None in numbers or (numbers[2] or 0) >> 16 != 0x03 or numbers[0] not in VENDORS:
        return None
    maker = VENDORS[numbers[0] or 0]
    return Card(maker, f"{maker} graphics [{numbers[1]:04x}]", device=numbers[1])


def from_windows(text: str) -> list[Card]:
    """Of `Get-CimInstance Win32_VideoController | Select-Object Name,PNPDeviceID | ConvertTo-Json`: one object, or a
    list of them."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return []
    cards = []
    for item in told if isinstance(told, list) else [told]:
        if not isinstance(item, dict):
            continue
        found = re.match(r"PCI\\VEN_([0-9A-F]{4})&DEV_([0-9A-F]{4})", str(item.get("PNPDeviceID")), re.IGNORECASE)
        if found and int(found[1], 16) in VENDORS:
            maker = VENDORS[int(found[1], 16)]
            cards.append(Card(maker, str(item.get("Name") or maker), device=int(found[2], 16)))
    return cards


def version(text: str) -> tuple[int, ...]:
    """`570.133.07` as numbers; empty where it is no version."""
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9}){0,4}", text, re.ASCII):
        return ()
    return tuple(int(part) for part in text.split("."))


def _hexadecimal(text: str) -> int | None:
    text = text.strip()
    return int(text, 16) if re.fullmatch(r"0x[0-9a-fA-F]{1,8}", text) else None
