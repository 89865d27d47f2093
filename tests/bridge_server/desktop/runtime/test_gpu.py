"""From what a machine's tools say to the build of torch that it can run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_server.desktop.runtime import gpu
from bridge_server.desktop.runtime.gpu import Card, choose

LINUX, WINDOWS, MAC = "linux-x86_64", "windows-x86_64", "macos-arm64"

MODULE = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n"
    "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n"
)
OPEN_MODULE = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.133.07  Release Build  (dvs-builder@U22-I3)\n"
    "GCC version:  gcc version 13.3.0 (Ubuntu 13.3.0-6ubuntu2~24.04)\n"
)
KFD_CPU = "cpu_cores_count 32\nsimd_count 0\nmem_banks_count 1\ngfx_target_version 0\nvendor_id 0\n"
KFD_CARD = (
    "cpu_cores_count 0\nsimd_count 192\nmem_banks_count 1\nlds_size_in_kb 64\ngfx_target_version 110000\n"
    "vendor_id 4098\ndevice_id 29772\nlocation_id 768\nmax_engine_clk_fcompute 2482\n"
)
ONE_CONTROLLER = (
    '{\r\n    "Name":  "Intel(R) Arc(TM) A770 Graphics",\r\n'
    '    "PNPDeviceID":  "PCI\\\\VEN_8086\\u0026DEV_56A0\\u0026REV_08\\\\6\\u00261F2D1B4C"\r\n}\r\n'
)
TWO_CONTROLLERS = (
    '[{"Name":"AMD Radeon RX 7900 XTX","PNPDeviceID":"PCI\\\\VEN_1002&DEV_744C&SUBSYS_240A1458&REV_C8\\\\6&11"},'
    '{"Name":"Parsec Virtual Display Adapter","PNPDeviceID":"ROOT\\\\DISPLAY\\\\0000"}]'
)


@pytest.mark.parametrize(
    ("said", "cards"),
    [
        (
            "NVIDIA GeForce RTX 3060, 570.133.07, 8.6\n",
            [Card("NVIDIA", "NVIDIA GeForce RTX 3060", (570, 133, 7), (8, 6))],
        ),
        (
            "NVIDIA TITAN V, 570.86.15, 7.0\r\nNVIDIA RTX 5880 Ada Generation, 570.86.15, 8.9\r\n",
            [
                Card("NVIDIA", "NVIDIA TITAN V", (570, 86, 15), (7, 0)),
                Card("NVIDIA", "NVIDIA RTX 5880 Ada Generation", (570, 86, 15), (8, 9)),
            ],
        ),
        ("Quadro K2200, 470.182.03\n", [Card("NVIDIA", "Quadro K2200", (470, 182, 3))]),
        ("NVIDIA A100-SXM4-40GB, 535.54.03, [N/A]\n", [Card("NVIDIA", "NVIDIA A100-SXM4-40GB", (535, 54, 3))]),
        ('Field "compute_cap" is not a valid field to query.\n\n', []),
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest", []),
        ("Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.133\n", []),
        ("No devices were found\n", []),
        ("", []),
    ],
)
def test_nvidia_smi_is_read(said: str, cards: list[Card]) -> None:
    assert gpu.from_nvidia_smi(said) == cards


def test_the_drivers_module_tells_its_version() -> None:
    assert gpu.from_nvidia_module(MODULE) == (535, 183, 1)
    assert gpu.from_nvidia_module(OPEN_MODULE) == (570, 133, 7)
    assert gpu.from_nvidia_module("") == ()


@pytest.mark.parametrize(
    ("number", "name"), [(110000, "gfx1100"), (90010, "gfx90a"), (90402, "gfx942"), (100306, "gfx1036")]
)
def test_a_kfd_node_tells_its_target(number: int, name: str) -> None:
    assert gpu.from_kfd(f"simd_count 64\ngfx_target_version {number}\nvendor_id 4098\n") == name


def test_a_kfd_node_that_is_a_processor_has_no_target() -> None:
    assert gpu.from_kfd(KFD_CPU) is None
    assert gpu.from_kfd(KFD_CARD) == "gfx1100"


def test_windows_tells_one_controller_or_several() -> None:
    assert gpu.from_windows(ONE_CONTROLLER) == [Card("Intel", "Intel(R) Arc(TM) A770 Graphics", device=0x56A0)]
    assert gpu.from_windows(TWO_CONTROLLERS) == [Card("AMD", "AMD Radeon RX 7900 XTX", device=0x744C)]
    assert gpu.from_windows("") == gpu.from_windows("null") == gpu.from_windows("[1, null]") == []


def test_a_pci_device_is_a_card_by_its_class() -> None:
    assert gpu.from_pci("0x8086\n", "0xe20b\n", "0x030000\n") == Card("Intel", "Intel graphics [e20b]", device=0xE20B)
    assert gpu.from_pci("0x10de\n", "0x10f0\n", "0x040300\n") is None  # the card's sound
    assert gpu.from_pci("", "", "") is None


def nvidia(compute: tuple[int, int] | None, driver: str = "570.133.07") -> Card:
    return Card("NVIDIA", "a card", gpu.version(driver), compute)


@pytest.mark.parametrize(
    ("system", "cards", "backend"),
    [
        (LINUX, [nvidia((8, 6))], "cu128"),
        (WINDOWS, [nvidia((12, 0), "572.16")], "cu128"),
        (LINUX, [nvidia((7, 5), "525.60.13")], "cu128"),
        (LINUX, [nvidia((6, 1))], "cu126"),
        (LINUX, [nvidia((7, 0))], "cu126"),
        (LINUX, [nvidia(None)], "cu126"),
        (LINUX, [nvidia((8, 9)), nvidia((6, 1))], "cu126"),  # one build for both
        (LINUX, [nvidia((6, 1)), nvidia((12, 0))], "cu128"),  # no build has both: the new one counts
        (LINUX, [nvidia((3, 5))], "cpu"),
        (LINUX, [nvidia((8, 6), "470.182.03")], "cpu"),
        (LINUX, [Card("NVIDIA", "a card without its driver")], "cpu"),
        (LINUX, [Card("AMD", "a card", target="gfx1100")], "rocm"),
        (LINUX, [Card("AMD", "a card", target="gfx1036")], "cpu"),
        (LINUX, [Card("AMD", "a card", device=0x744C)], "cpu"),
        (WINDOWS, [Card("AMD", "a card", device=0x744C)], "cpu"),
        (LINUX, [Card("Intel", "a card", device=0xE20B)], "xpu"),
        (WINDOWS, [Card("Intel", "a card", device=0x56A0)], "xpu"),
        (LINUX, [Card("Intel", "graphics of a 2015 laptop", device=0x1916)], "cpu"),
        (LINUX, [Card("Intel", "graphics of a 2015 laptop", device=0x1916), nvidia((8, 6))], "cu128"),
        (LINUX, [nvidia((3, 5)), Card("AMD", "a card", target="gfx1030")], "rocm"),
        (MAC, [], "mps"),
        (LINUX, [], "cpu"),
    ],
)
def test_the_backend_is_the_best_that_a_card_runs(system: str, cards: list[Card], backend: str) -> None:
    assert choose(system, cards).backend == backend


def test_a_choice_says_why_a_card_is_not_used() -> None:
    old = choose(LINUX, [nvidia((8, 6), "470.182.03")])
    assert old.why == "a card: its driver 470.182.03 is too old; update it to 525 or newer."


@given(st.text())
def test_no_text_of_a_tool_makes_it_fail(text: str) -> None:
    cards = [*gpu.from_nvidia_smi(text), *gpu.from_windows(text)]
    assert all(card.maker in gpu.VENDORS.values() for card in cards)
    gpu.from_nvidia_module(text)
    gpu.from_kfd(text)
    gpu.from_pci(text, text, text)
    choose(LINUX, cards)


@given(st.integers(1, 999), st.integers(0, 999), st.integers(1, 12), st.integers(0, 9))
def test_what_nvidia_smi_prints_is_what_is_read(branch: int, minor: int, major: int, step: int) -> None:
    (card,) = gpu.from_nvidia_smi(f"NVIDIA RTX, {branch}.{minor:02d}, {major}.{step}\n")
    assert (card.driver, card.compute) == ((branch, minor), (major, step))
