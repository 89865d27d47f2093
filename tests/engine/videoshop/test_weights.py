"""Finding and loading weights: folders and single files, whole and damaged, of this model and of others."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import WeightsError
from engine.videoshop import catalogue, weights
from engine.videoshop.download import bring
from engine.videoshop.pipeline import Micro, VideoshopPipeline
from tests.engine.videoshop.small import BESIDE, pipeline, write_checkpoint, write_folder

UNET, VAE = "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"
MODULES = ("unet", "vae", "image_encoder")


@pytest.fixture(scope="module")
def made() -> VideoshopPipeline:
    """Its parameters frozen, as loaded ones are: torch multiplies those that could be trained in another order."""
    made = pipeline()
    for name in MODULES:
        getattr(made, name).requires_grad_(False)
    return made


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory, made: VideoshopPipeline) -> Path:
    """A folder with the model in every layout: full/, half/, both/, one.safetensors, pruned.safetensors."""
    folder = tmp_path_factory.mktemp("weights")
    write_folder(folder / "full", made)
    write_folder(folder / "half", made, "fp16")
    write_folder(write_folder(folder / "both", made), made, "fp16")
    write_checkpoint(folder / "one.safetensors", made)
    write_checkpoint(folder / "pruned.safetensors", made, conditioner=False)
    return folder


@pytest.fixture
def folder(originals: Path, tmp_path: Path) -> Path:
    """A copy of the model in full precision, to be spoilt."""
    return Path(shutil.copytree(originals / "full", tmp_path / "model"))


@pytest.fixture
def single(originals: Path, tmp_path: Path) -> Path:
    """A copy of the single file, to be spoilt."""
    for suffix in (".safetensors", ".json"):
        shutil.copy(originals / f"one{suffix}", tmp_path / f"svd{suffix}")
    return tmp_path / "svd.safetensors"


def seen(one: VideoshopPipeline) -> torch.Tensor:
    """One pass of every module over a fixed picture."""
    picture = torch.linspace(0, 1, 5 * 3 * 32 * 32).reshape(5, 3, 32, 32)
    latents = one.encode(picture)
    condition = one.condition(picture[:1], torch.zeros(1, 3, 32, 32), Micro())
    return torch.cat(list(one.decode(one.network(condition, Micro())(latents, 2.0))))


@pytest.mark.parametrize("layout", ["full", "both", "one.safetensors"])
def test_every_layout_loads_to_the_same_model_bit_for_bit(
    originals: Path, made: VideoshopPipeline, layout: str
) -> None:
    loaded = weights.load(weights.locate(originals / layout), torch.float32)
    for name in MODULES:
        expected, found = getattr(made, name).state_dict(), getattr(loaded, name).state_dict()
        assert expected.keys() == found.keys()
        assert [key for key in expected if not torch.equal(expected[key], found[key])] == []
        assert not getattr(loaded, name).training
        assert not any(parameter.requires_grad for parameter in getattr(loaded, name).parameters())
    assert torch.equal(seen(loaded), seen(made))


def test_a_pruned_single_file_encodes_with_the_first_stage(originals: Path, made: VideoshopPipeline) -> None:
    loaded = weights.load(weights.locate(originals / "pruned.safetensors"), torch.float32)
    assert torch.allclose(seen(loaded), seen(made), atol=1e-5)


def test_the_reference_models_of_diffusers_own_writer_load_too(made: VideoshopPipeline, tmp_path: Path) -> None:
    untyped: Any = made
    untyped.save_pretrained(tmp_path / "saved")
    loaded = weights.load(weights.locate(tmp_path / "saved"), torch.float32)
    assert torch.equal(seen(loaded), seen(made))


def test_a_single_file_tells_its_sizes_by_its_shapes_and_the_rest_beside(single: Path) -> None:
    found = weights.locate(single)
    assert (found.frames, found.area, found.multiple) == (5, 32 * 32, 8)
    assert found.configs["unet"]["block_out_channels"] == [32, 64, 64]
    assert found.configs["unet"]["layers_per_block"] == 2
    assert found.configs["vae"]["block_out_channels"] == [32, 64]
    assert found.configs["image_encoder"]["image_size"] == 28


def test_a_single_file_alone_has_the_frames_of_its_name(single: Path) -> None:
    single.with_suffix(".json").unlink()
    assert weights.locate(single).frames == 14
    assert weights.locate(single.rename(single.with_name("svd_xt_1_1.safetensors"))).frames == 25


def test_what_stands_beside_a_single_file_has_to_be_json(single: Path) -> None:
    single.with_suffix(".json").write_text("{")
    assert refused(single) == "weights.damaged"


@pytest.mark.parametrize(
    ("layout", "dtype", "stem"),
    [
        ("half", torch.float32, ".fp16"),
        ("half", torch.bfloat16, ".fp16"),
        ("both", torch.float16, ".fp16"),
        ("both", torch.float32, ""),
        ("full", torch.float16, ""),
    ],
)
def test_the_files_of_the_wanted_precision_are_read_where_there_are_any(
    originals: Path, layout: str, dtype: torch.dtype, stem: str
) -> None:
    found = weights.locate(originals / layout)
    assert found.variant == (None if layout == "full" else "fp16")
    chosen = weights.chosen(found.folder, half=dtype != torch.float32)
    assert chosen["unet"].name == f"diffusion_pytorch_model{stem}.safetensors"
    loaded = weights.load(found, dtype)
    assert {parameter.dtype for name in MODULES for parameter in getattr(loaded, name).parameters()} == {dtype}


def test_the_identity_is_that_of_the_contents(originals: Path, folder: Path, tmp_path: Path) -> None:
    original = weights.locate(originals / "full").identity
    assert weights.locate(folder).identity == original
    index = json.loads((folder / "unet/config.json").read_text())
    (folder / "unet/config.json").write_text(json.dumps(index | {"_diffusers_version": "9", "_name_or_path": "x"}))
    assert weights.locate(folder).identity == original
    write_folder(tmp_path / "other", pipeline(seed=1))
    assert weights.locate(tmp_path / "other").identity != original
    (folder / "unet/config.json").write_text(json.dumps(index | {"num_frames": 6}))
    assert weights.locate(folder).identity != original


def test_without_a_path_the_first_installed_model_is_taken(
    originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(catalogue.STORE, str(tmp_path / "store"))
    with pytest.raises(WeightsError) as error:
        weights.locate(None)
    assert error.value.code == "weights.not_installed"
    model = catalogue.KnownModel("svd-xt", "a/b", 5, 0, "", catalogue.MODELS["svd"].licence)
    bring(model, tmp_path / "store", originals / "half", lambda event: None, accepted=True)
    assert weights.locate(None).folder == tmp_path / "store/svd-xt"
    assert weights.locate(Path("/nowhere/svd-xt")) == weights.locate(None)
    (tmp_path / "store/svd-xt" / catalogue.MANIFEST).rename(tmp_path / "store/svd-xt" / catalogue.MARKER)
    with pytest.raises(WeightsError) as error:
        weights.locate(None)
    assert error.value.code == "weights.incomplete"


def refused(path: Path) -> str:
    """The code that the path is refused with, found or loaded."""
    with pytest.raises(WeightsError) as error:
        weights.load(weights.locate(path), torch.float32)
    assert error.value.message
    assert error.value.hint
    return error.value.code


def edited(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def resaved(path: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    tensors = load_file(path)
    change(tensors)
    path.unlink()
    save_file(tensors, path)


def test_nothing_at_the_path_is_said(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone") == "weights.missing"


@pytest.mark.parametrize("name", [UNET, VAE, "image_encoder/model.safetensors"])
@pytest.mark.parametrize("kept", [0, 5, 600, -1])
def test_a_file_that_ends_too_early_is_truncated(folder: Path, name: str, kept: int) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[:kept])
    assert refused(folder) == "weights.truncated"


@pytest.mark.parametrize("kept", [0, 600, -1])
def test_a_single_file_that_ends_too_early_is_truncated(single: Path, kept: int) -> None:
    single.write_bytes(single.read_bytes()[:kept])
    assert refused(single) == "weights.truncated"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"\xff" * 8 + data[8:],
        lambda data: b"\0" * 8 + data[8:],
        lambda data: data[:8] + b"[" + data[9:],
        lambda data: data[:200] + b"\xfe" + data[201:],
        lambda data: data + b"more",
        lambda data: data.replace(b'"shape":[32]', b'"shape":[31]', 1),
        lambda data: b"<html>not what you asked for</html>",
    ],
)
def test_a_header_that_is_none_is_damaged(folder: Path, spoil: Callable[[bytes], bytes]) -> None:
    (folder / UNET).write_bytes(spoil((folder / UNET).read_bytes()))
    assert refused(folder) == "weights.damaged"


@pytest.mark.parametrize("name", ["model_index.json", "vae/config.json", "scheduler/scheduler_config.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", "\x00\x01"])
def test_a_config_that_is_no_json_is_damaged(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    assert refused(folder) == "weights.damaged"


def test_a_config_without_what_it_has_to_say_is_damaged(folder: Path) -> None:
    config = json.loads((folder / "unet/config.json").read_text())
    del config["block_out_channels"]
    (folder / "unet/config.json").write_text(json.dumps(config))
    assert refused(folder) == "weights.damaged"


@pytest.mark.parametrize(
    "name",
    [
        "model_index.json",
        "unet/config.json",
        "vae/config.json",
        "scheduler/scheduler_config.json",
        "feature_extractor/preprocessor_config.json",
        UNET,
        VAE,
        "image_encoder/model.safetensors",
    ],
)
def test_a_part_that_is_not_there_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(WeightsError, match=name) as error:
        weights.locate(folder)
    assert error.value.code == "weights.part_missing"


def test_a_tensor_that_is_not_there_is_named(folder: Path, single: Path) -> None:
    resaved(folder / UNET, lambda tensors: tensors.pop("conv_out.bias"))
    assert refused(folder) == "weights.part_missing"
    resaved(single, lambda tensors: tensors.pop("model.diffusion_model.out.2.bias"))
    assert refused(single) == "weights.part_missing"


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("model_index.json", {"_class_name": "StableDiffusionPipeline"}),
        ("unet/config.json", {"_class_name": "UNet2DConditionModel"}),
        ("vae/config.json", {"_class_name": "AutoencoderKL"}),
        ("image_encoder/config.json", {"architectures": ["CLIPTextModel"]}),
    ],
)
def test_a_folder_of_another_model_is_named(folder: Path, name: str, changes: dict[str, Any]) -> None:
    edited(folder / name, **changes)
    with pytest.raises(WeightsError, match=str(next(iter(changes.values()))).strip("[]'")) as error:
        weights.locate(folder)
    assert error.value.code == "weights.wrong_model"


def test_one_module_of_a_model_is_not_the_model(folder: Path) -> None:
    assert refused(folder / "unet") == "weights.wrong_model"
    assert refused(folder / UNET) == "weights.wrong_model"


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"model.diffusion_model.input_blocks.0.0.weight": (4, 4)}, "an image model"),
        (
            {
                "model.diffusion_model.input_blocks.0.0.weight": (4, 4),
                "model.diffusion_model.middle_block.0.time_stack.in_layers.0.weight": (4,),
            },
            "without its VAE",
        ),
        ({"lora_unet.up.weight": (4, 4)}, "other tensors"),
    ],
)
def test_a_single_file_of_another_model_is_told(tmp_path: Path, tensors: dict[str, Any], said: str) -> None:
    save_file({name: torch.zeros(shape) for name, shape in tensors.items()}, tmp_path / "sd.safetensors")
    with pytest.raises(WeightsError, match=said) as error:
        weights.locate(tmp_path / "sd.safetensors")
    assert error.value.code == "weights.wrong_model"


def test_tensors_that_are_not_the_configs_are_told(folder: Path, single: Path) -> None:
    edited(folder / "unet/config.json", cross_attention_dim=48)
    assert refused(folder) == "weights.tensors_differ"
    single.with_suffix(".json").write_text(json.dumps(BESIDE | {"vae": {"latent_channels": 8}}))
    assert refused(single) == "weights.tensors_differ"


@pytest.mark.parametrize("dtype", [torch.int8, torch.float8_e4m3fn])
def test_quantised_tensors_are_refused(folder: Path, single: Path, dtype: torch.dtype) -> None:
    def quantise(tensors: dict[str, torch.Tensor]) -> None:
        tensors.update({name: tensor.to(dtype) for name, tensor in tensors.items()})

    resaved(folder / UNET, quantise)
    assert refused(folder) == "weights.precision_unsupported"
    resaved(single, quantise)
    assert refused(single) == "weights.precision_unsupported"


@pytest.mark.parametrize("name", ["svd.ckpt", "model.bin", "svd.pt"])
def test_a_pickle_is_never_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04cos\nsystem\n(S'touch /tmp/opened'\ntR.")
    assert refused(tmp_path / name) == "weights.pickled"
    assert refused(tmp_path) == "weights.pickled"


def test_a_folder_whose_tensors_are_pickled_is_refused(folder: Path) -> None:
    (folder / VAE).rename(folder / "vae/diffusion_pytorch_model.bin")
    assert refused(folder) == "weights.pickled"


def test_a_folder_that_is_no_model_is_refused_and_one_with_a_checkpoint_taken(tmp_path: Path, single: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert refused(empty) == "weights.not_weights"
    (tmp_path / "readme.txt").write_text("about")
    assert refused(tmp_path / "readme.txt") == "weights.not_weights"
    assert weights.locate(tmp_path).folder == single
