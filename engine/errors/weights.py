"""Model files missing, truncated or of another model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from engine.errors.base import EngineError
from engine.errors.words import perhaps


class WeightsError(EngineError):
    """Model files are missing, truncated or of another model."""

    @classmethod
    def missing(cls, path: Path) -> Self:
        return cls(
            "weights.missing",
            f"There are no weights at {path.name}.",
            "Check the path, or see with `videoshop weights list` what is installed.",
        )

    @classmethod
    def not_installed(cls, name: str) -> Self:
        return cls(
            "weights.not_installed",
            f"The weights {name} are not installed.",
            f"Run `videoshop weights download {name}`.",
        )

    @classmethod
    def none_installed(cls, option: str) -> Self:
        """`option` is how the command that was run takes a folder of weights."""
        return cls(
            "weights.not_installed",
            "No model weights are installed.",
            f"Run `videoshop weights download svd`, or say with {option} where they are.",
        )

    @classmethod
    def unknown_name(cls, name: str, known: Sequence[str]) -> Self:
        return cls(
            "weights.unknown_name",
            f"No weights are called {name}.",
            f"{perhaps(name, known)}The known ones are: {', '.join(known)}.",
        )

    @classmethod
    def incomplete(cls, path: Path) -> Self:
        return cls(
            "weights.incomplete",
            f"The weights in {path.name} have not arrived in full.",
            f"Run `videoshop weights download {path.name}` again: it goes on where it stopped.",
        )

    @classmethod
    def not_weights(cls, path: Path) -> Self:
        return cls(
            "weights.not_weights",
            f"{path.name} is not a model: no folder with a model_index.json, no .safetensors file.",
            "Give the folder that holds model_index.json, or a single-file checkpoint such as svd.safetensors.",
        )

    @classmethod
    def pickled(cls, path: Path) -> Self:
        return cls(
            "weights.pickled",
            f"{path.name} is a pickle, which can run any program when it is read.",
            "Give the weights as .safetensors; the models' pages offer them.",
        )

    @classmethod
    def wrong_model(cls, path: Path, found: str) -> Self:
        return cls(
            "weights.wrong_model",
            f"{path.name} is {found}, not Stable Video Diffusion.",
            "Give weights of stable-video-diffusion-img2vid, -xt or -xt-1-1.",
        )

    @classmethod
    def part_missing(cls, path: Path, part: str) -> Self:
        return cls(
            "weights.part_missing",
            f"{path.name} lacks {part}.",
            "Copy or download the model again, in full.",
        )

    @classmethod
    def truncated(cls, path: Path, size: int, expected: int) -> Self:
        return cls(
            "weights.truncated",
            f"{path.name} ends too early: it has {size:,} bytes of {expected:,}.",
            "Copy or download this file again; it did not finish.",
        )

    @classmethod
    def damaged(cls, path: Path, why: str) -> Self:
        return cls(
            "weights.damaged",
            f"{path.name} is damaged: {why}.",
            "Copy or download this file again.",
        )

    @classmethod
    def tensors_differ(cls, path: Path, what: str) -> Self:
        return cls(
            "weights.tensors_differ",
            f"The tensors in {path.name} are not those of its model: {what}.",
            "Give the config.json that belongs to these weights, or download the model again.",
        )

    @classmethod
    def precision_unsupported(cls, path: Path, dtype: str) -> Self:
        return cls(
            "weights.precision_unsupported",
            f"The tensors in {path.name} are stored as {dtype}.",
            "Give the weights in 16 or 32 bits (fp16, bf16 or fp32); quantised ones cannot be used.",
        )

    @classmethod
    def licence_needed(cls, name: str, terms: str) -> Self:
        return cls(
            "weights.licence_not_accepted",
            f"The licence of {name} has not been accepted.",
            f"Read it at {terms}; if you agree, run the command again with --accept-license.",
        )

    @classmethod
    def not_accepted(cls, repository: str, with_token: bool) -> Self:
        page = f"https://huggingface.co/{repository}"
        token = "see that the token given belongs to that account" if with_token else "give a token of that account"
        return cls(
            "weights.not_accepted",
            f"The hub does not hand out {repository} to you.",
            f"Accept its terms at {page} and {token}, from https://huggingface.co/settings/tokens "
            "(on the command line: --token or HF_TOKEN).",
        )

    @classmethod
    def unknown_repository(cls, repository: str) -> Self:
        return cls(
            "weights.unknown_repository",
            f"The hub knows no {repository}.",
            "Check HF_ENDPOINT if you set it; else the model has moved: get its files elsewhere and use --from FOLDER.",
        )

    @classmethod
    def unreachable(cls, host: str, why: str) -> Self:
        return cls(
            "weights.unreachable",
            f"{host} cannot be reached: {why}.",
            "Check the network, HTTPS_PROXY and HF_ENDPOINT; or copy the files from elsewhere, with --from FOLDER.",
        )

    @classmethod
    def server_failed(cls, host: str, why: str) -> Self:
        return cls(
            "weights.server_failed",
            f"{host} does not serve the weights: {why}.",
            "Try again later; what has arrived is kept.",
        )

    @classmethod
    def download_failed(cls, file: str) -> Self:
        return cls(
            "weights.download_failed",
            f"The connection broke again and again while {file} was downloaded.",
            "Run the command again: it goes on where it stopped.",
        )

    @classmethod
    def corrupt(cls, file: str) -> Self:
        return cls(
            "weights.corrupt",
            f"{file} arrived twice with wrong bytes.",
            "Something between here and the hub changes them: try without a proxy, or another mirror (HF_ENDPOINT).",
        )

    @classmethod
    def in_use(cls, name: str) -> Self:
        return cls(
            "weights.in_use",
            f"The weights {name} are in use by another process.",
            "Wait for it to end, and try again.",
        )

    @classmethod
    def not_ours(cls, path: Path) -> Self:
        return cls(
            "weights.not_ours",
            f"{path.name} was not put there by `videoshop weights`, so it is not touched.",
            "Move or delete the folder yourself.",
        )

    @classmethod
    def not_finite(cls, stage: str, step: int) -> Self:
        return cls(
            "weights.not_finite",
            f"The model's numbers left their range in step {step + 1} of “{stage}”.",
            "Verify the weights with `videoshop weights verify`; if they are whole, try another seed, a lower guidance"
            " (`--set guidance_first=2 --set guidance_last=2`) or a lower `--set strength`.",
        )
