"""The CLIP loss (Eq. 4-6): value, gradients, and a CLIP that stays frozen, hidden, float32 and loaded once."""

import copy
import pickle
from dataclasses import replace
from pathlib import Path

import open_clip
import pytest
import torch
from basicsr.losses import build_loss
from torch import Tensor, nn
from torchvision.transforms import v2

from nerco_plugin.losses import clip_loss
from nerco_plugin.losses.clip_loss import CLIPCosineLoss, cosine_difference
from tests.forked import run_forked
from tests.losses.tiny_clip import MEAN, SIZE, STD, save_tiny_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def loss(folder: Path) -> CLIPCosineLoss:
    return build_loss({"type": "CLIPCosineLoss", "pretrained": str(folder), "loss_weight": 0.5})


def photographs(number: int, height: int = 40, width: int = 56) -> Tensor:
    return torch.rand(number, 3, height, width)


def expected_terms(folder: Path, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Eq. 4-6 once more, from open_clip's whole model and torchvision's resize."""
    name = f"local-dir:{folder}"
    clip = open_clip.create_model(name).eval()
    prepare = v2.Compose([v2.Resize((SIZE, SIZE), v2.InterpolationMode.BICUBIC), v2.Normalize(MEAN, STD)])
    texts = clip.encode_text(open_clip.get_tokenizer(name)(["low-light image", "high-light image"]), normalize=True)
    low_similarity, high_similarity = (
        (clip.encode_image(prepare(side), normalize=True) @ texts.T).mean(0) for side in (low, high)
    )
    return low_similarity[1] - low_similarity[0], high_similarity[0] - high_similarity[1]


def test_cosine_difference_by_hand() -> None:
    vectors = torch.tensor([[3.0, 4.0], [0.0, 0.5]])
    toward, away = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 7.0])
    assert cosine_difference(vectors, toward=toward, away=away).item() == pytest.approx(((0.8 - 0.6) + (1 - 0)) / 2)


def test_cosine_difference_gradients() -> None:
    vectors, toward, away = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((3, 4), 4, 4))
    assert torch.autograd.gradcheck(cosine_difference, (vectors, toward, away))


def test_cosine_difference_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"image_vectors: expected shape \(N, D\), got \(4,\)"):
        cosine_difference(torch.ones(4), torch.ones(4), torch.ones(4))
    with pytest.raises(ValueError, match=r"away: expected shape \(4,\), got \(5,\)"):
        cosine_difference(torch.ones(2, 4), torch.ones(4), torch.ones(5))


def test_value_against_open_clip(loss: CLIPCosineLoss, folder: Path) -> None:
    low, high = photographs(2), photographs(3, height=64, width=20)
    terms = loss(low, high)
    for term, expected in zip(terms, expected_terms(folder, low, high)):
        assert abs(expected.item()) > 0.01
        torch.testing.assert_close(term, 0.5 * expected)


def test_gradcheck_through_resize_and_encoder(loss: CLIPCosineLoss) -> None:
    clip = loss.prepare()
    tensors = {name: getattr(clip, name).double() for name in ("text_vectors", "mean", "std")}
    loss._clip = replace(clip, encoder=clip.encoder.double(), **tensors)
    low, high = (torch.rand(1, 3, 4, size, dtype=torch.float64, requires_grad=True) for size in (3, 5))
    assert torch.autograd.gradcheck(loss, (low, high))


def test_each_image_of_a_batch_gets_its_share(loss: CLIPCosineLoss) -> None:
    low, high = photographs(3).requires_grad_(), photographs(2, height=32, width=32).requires_grad_()
    terms = loss(low, high)
    one_by_one = [loss(image[None], None).low for image in low]
    torch.testing.assert_close(terms.low, torch.stack(one_by_one).mean())
    assert loss(None, high).low == 0
    torch.testing.assert_close(loss(None, high).high, terms.high)
    for term, image in zip(terms, (low, high)):
        (gradient,) = torch.autograd.grad(term, image, retain_graph=True)
        assert (gradient.flatten(1).abs().sum(1) > 0).all()


def test_a_step_down_the_gradient_moves_towards_the_prompt(loss: CLIPCosineLoss) -> None:
    high = photographs(1).mul(0.2).add(0.4).requires_grad_()
    before = loss(None, high).high
    before.backward()
    assert loss(None, (high - 0.02 * high.grad.sign()).detach()).high < before


def test_clip_is_frozen_and_hidden(loss: CLIPCosineLoss) -> None:
    parent = nn.ModuleDict({"clip": loss, "other": nn.Linear(2, 2)})
    clip = loss.prepare()
    parent.train()
    parent.half()
    sum(loss(photographs(1).requires_grad_(), None)).backward()
    assert set(parent.state_dict()) == {"other.weight", "other.bias"}
    assert not list(loss.parameters())
    assert not list(loss.buffers())
    assert not any(module.training for module in clip.encoder.modules())
    for parameter in clip.encoder.parameters():
        assert not parameter.requires_grad
        assert parameter.grad is None
        assert parameter.dtype == torch.float32
    assert not clip.text_vectors.requires_grad


def test_built_once_and_both_sides_in_one_pass(loss: CLIPCosineLoss, monkeypatch: pytest.MonkeyPatch) -> None:
    built, passes = [], []
    real = clip_loss.load_clip
    monkeypatch.setattr(clip_loss, "load_clip", lambda *args: built.append(args) or real(*args))
    loss.prepare()
    loss.prepare().encoder.register_forward_hook(lambda module, inputs, output: passes.append(inputs[0].shape))
    for _ in range(2):
        loss(photographs(2), photographs(3, height=20, width=90))
    assert len(built) == 1  # the prompts are encoded while building
    assert passes == [(5, 3, SIZE, SIZE)] * 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_float32_under_autocast(loss: CLIPCosineLoss, dtype: torch.dtype) -> None:
    low, high = photographs(1), photographs(1)
    expected = loss(low, high)
    with torch.autocast("cpu", dtype=dtype):
        terms = loss(low, high)
    assert [term.dtype for term in terms] == [torch.float32] * 2
    assert terms == expected


def test_low_precision_images(loss: CLIPCosineLoss) -> None:
    low = photographs(1).to(torch.bfloat16).requires_grad_()
    term = loss(low, None).low
    assert term.dtype == torch.float32
    torch.testing.assert_close(term, loss(low.float(), None).low)
    assert torch.autograd.grad(term, low)[0].dtype == torch.bfloat16


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda loss: pickle.loads(pickle.dumps(loss))])
def test_copies_leave_clip_out_and_load_it_again(loss: CLIPCosineLoss, duplicate: object) -> None:
    low = photographs(1)
    term = loss(low, None).low
    assert len(pickle.dumps(loss)) < 10_000
    twin = duplicate(loss)
    assert twin._clip is None
    assert torch.equal(twin(low, None).low, term)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_clip_follows_the_images(loss: CLIPCosineLoss) -> None:
    low = photographs(1)
    expected = loss(low, None).low
    term = loss.cuda()(low.cuda().requires_grad_(), None).low
    term.backward()
    torch.testing.assert_close(term.cpu(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("side", ["low", "high"])
@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (torch.rand(1, 1, 8, 8), ValueError, r"RGB images \(N, 3, H, W\), got shape \(1, 1, 8, 8\)"),
        (torch.rand(3, 8, 8), ValueError, r"got shape \(3, 8, 8\)"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), TypeError, "floating-point tensor, got torch.uint8"),
        (torch.linspace(-1, 1, 48).view(1, 3, 4, 4), ValueError, r"values in \[0, 1\], got -1 to 1"),
        (torch.linspace(0, 255, 48).view(1, 3, 4, 4), ValueError, r"values in \[0, 1\], got 0 to 255"),
    ],
    ids=["gray", "no batch", "uint8", "signed", "255"],
)
def test_refuses_other_images(
    loss: CLIPCosineLoss, side: str, image: Tensor, error: type[Exception], message: str
) -> None:
    images = {"low": photographs(1), "high": photographs(1)}
    with pytest.raises(error, match=f"{side}: .*{message}"):
        loss(**{**images, side: image})


def test_refuses_no_image_at_all(loss: CLIPCosineLoss) -> None:
    with pytest.raises(ValueError, match="at least one side"):
        loss(None, None)


def test_refuses_random_weights_and_a_negative_weight() -> None:
    with pytest.raises(ValueError, match="pretrained: .*got None: no random weights"):
        build_loss({"type": "CLIPCosineLoss", "pretrained": None})
    with pytest.raises(ValueError, match="loss_weight: .*got -0.5"):
        build_loss({"type": "CLIPCosineLoss", "loss_weight": -0.5})


def test_neither_import_nor_construction_touches_clip() -> None:
    code = "import sys, nerco_plugin; from basicsr.losses import build_loss; build_loss({'type': 'CLIPCosineLoss'})"
    code += "; print({name.split('.')[0] for name in sys.modules} & {'open_clip', 'huggingface_hub', 'timm'})"
    assert run_forked(code) == "set()\n"


def test_loaded_in_inference_mode_it_trains_afterwards(loss: CLIPCosineLoss) -> None:
    with torch.inference_mode():
        before = loss(photographs(1), None).low
    low = photographs(1).requires_grad_()
    loss(low, None).low.backward()
    assert before.isfinite()
    assert low.grad is not None
    assert low.grad.abs().sum() > 0


def test_a_side_without_images_is_zero_from_the_first_call_on(loss: CLIPCosineLoss) -> None:
    terms = loss(photographs(0), photographs(1))
    assert terms.low == 0
    assert terms.high != 0
    with pytest.raises(ValueError, match=r"low: expected values in \[0, 1\]"):
        loss(photographs(1) * 2 - 1.5, None)  # the first one to be looked at
    assert loss(photographs(0), photographs(0)) == (0, 0)


def test_what_lies_a_little_outside_the_unit_range_is_clipped_with_its_gradient(loss: CLIPCosineLoss) -> None:
    image = photographs(1)
    image[..., :20, :], image[..., 20:, :5] = 1.16, -0.02  # of an unbounded network
    image.requires_grad_()
    terms = loss(image, image)
    expected = loss(image.detach().clamp(0, 1), image.detach().clamp(0, 1))
    torch.testing.assert_close(terms.low, expected.low)
    terms.high.backward()
    assert (image.grad[..., :20, :] != 0).any()
    with pytest.raises(ValueError, match=r"low: expected values in \[0, 1\], got -1 to 1"):
        CLIPCosineLoss(pretrained=loss.pretrained)(torch.tensor([-1.0, 1.0]).expand(1, 3, 32, 2), None)
