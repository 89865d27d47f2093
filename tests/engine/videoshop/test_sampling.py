import torch
from torch import Tensor

from engine.videoshop.inversion import Network
from engine.videoshop.sampling import Pin, denoise, guided
from engine.videoshop.schedule import Schedule, c_out, c_skip

SCHEDULE = Schedule.karras(12, 0.8)
FRAMES = torch.ones(2, 4, 3, 3)


def towards(target: Tensor) -> Network:
    return lambda x, sigma: (target - c_skip(sigma) * x) / c_out(sigma)


def test_denoising_ends_at_what_the_network_says_is_there() -> None:
    target = torch.full((2, 4, 3, 3), 0.3)
    *_, clean = denoise(towards(target), torch.randn(2, 4, 3, 3), SCHEDULE)
    torch.testing.assert_close(clean, target, rtol=1e-5, atol=1e-5)


def test_denoising_goes_on_where_it_was_stopped() -> None:
    noise, network = torch.randn(2, 4, 3, 3), towards(FRAMES * 0.2)
    whole = list(denoise(network, noise, SCHEDULE))
    rest = list(denoise(network, noise, SCHEDULE, known=whole[:4]))
    assert all(torch.equal(a, b) for a, b in zip(rest, whole[4:], strict=True))


def test_a_pin_holds_its_share_to_its_path_from_the_first_noise_to_the_clean_latent() -> None:
    levels = SCHEDULE.steps + 1
    path = [torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(level)) for level in range(levels)]
    share = torch.zeros(2, 1, 3, 3)
    share[0], share[1, :, 0] = 1, 0.25
    seen: list[Tensor] = []

    def network(x: Tensor, sigma: float) -> Tensor:
        seen.append(x)
        return towards(FRAMES * 0.2)(x, sigma)

    found = list(denoise(network, torch.zeros(2, 4, 3, 3), SCHEDULE, pins=[Pin(share, path)]))
    for level, x in enumerate([seen[0], *found]):
        assert torch.equal(x[0], path[level][0])
    torch.testing.assert_close(seen[0][1, :, 0], 0.25 * path[0][1, :, 0])
    torch.testing.assert_close(found[-1][1, :, 1:], torch.full((4, 2, 3), 0.2), rtol=1e-5, atol=1e-5)


def test_a_pin_whose_path_ends_lets_the_run_go_from_there() -> None:
    path = [FRAMES + level for level in range(3)]
    found = list(denoise(towards(FRAMES * 0.2), FRAMES, SCHEDULE, pins=[Pin(torch.ones(2, 1, 3, 3), path)]))
    assert torch.equal(found[0], path[1])
    assert torch.equal(found[1], path[2])
    rest = list(denoise(towards(FRAMES * 0.2), FRAMES, SCHEDULE, known=found[:2]))
    assert all(torch.equal(a, b) for a, b in zip(rest, found[2:], strict=True))
    torch.testing.assert_close(found[-1], FRAMES * 0.2, rtol=1e-5, atol=1e-5)


def test_a_pinned_run_goes_on_where_it_was_stopped() -> None:
    pins = [Pin(torch.full((2, 1, 3, 3), 0.5), [FRAMES] * (SCHEDULE.steps + 1))]
    noise, network = torch.randn(2, 4, 3, 3), towards(FRAMES * 0.2)
    whole = list(denoise(network, noise, SCHEDULE, pins=pins))
    rest = list(denoise(network, noise, SCHEDULE, known=whole[:4], pins=pins))
    assert all(torch.equal(a, b) for a, b in zip(rest, whole[4:], strict=True))


def test_guidance_goes_beyond_the_condition_by_each_frames_scale() -> None:
    scales = torch.tensor([1.0, 3.0])[:, None, None, None]
    network = guided(lambda x, s: FRAMES * 2, lambda x, s: (FRAMES * 2, FRAMES), scales, (0, 700))
    found = network(FRAMES, 1.0)
    assert float(found[0].mean()) == 2
    assert float(found[1].mean()) == 4


def test_outside_its_interval_and_at_scale_one_guidance_costs_nothing() -> None:
    def pair(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        raise AssertionError("the network ran without its condition")

    def conditional(x: Tensor, sigma: float) -> Tensor:
        return x * 5

    four, one = (torch.full((2, 1, 1, 1), scale) for scale in (4.0, 1.0))
    assert torch.equal(guided(conditional, pair, four, (2, 5))(FRAMES, 1.0), FRAMES * 5)
    assert torch.equal(guided(conditional, pair, four, (2, 5))(FRAMES, 6.0), FRAMES * 5)
    assert torch.equal(guided(conditional, pair, one, (0, 700))(FRAMES, 3.0), FRAMES * 5)
