"""A web page to try the network: a photograph up, before and after under a slider, strength, stops, download.

It needs gradio. The page asks nothing of the network: fonts are the system's own, and gradio's analytics are off.
"""

import errno
import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from nerco_plugin.data.image_io import ImageReadError
from nerco_plugin.inference.enhancer import EnhanceError, Enhancer
from nerco_plugin.inference.formats import IMAGE_FORMATS
from nerco_plugin.inference.photograph import encode_photograph, read_photograph

FONTS = ["system-ui", "sans-serif"]


def import_gradio() -> Any:
    """gradio with its analytics off; raises ImportError with what to install."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    try:
        import gradio
    except ImportError as error:
        raise ImportError("the page needs gradio: pip install gradio") from error
    return gradio


def build_page(enhancer: Enhancer, folder: Path) -> Any:
    """The page as ``gradio.Blocks``; results for download are written to ``folder``."""
    gr = import_gradio()

    def wait() -> Any:
        return gr.DownloadButton(interactive=False)

    def enhance(source: str | None, strength: float, stops: float) -> tuple[Any, Any]:
        if source is None:
            return None, wait()
        try:
            photograph = read_photograph(source, enhancer.size_check)
            enhanced = enhancer.photograph(photograph, strength, stops)
            target = folder / f"{Path(source).stem}_enhanced{Path(source).suffix}"
            target.write_bytes(encode_photograph(enhanced, target))
        except (ImageReadError, EnhanceError, ValueError) as error:
            raise gr.Error(str(error).replace(source, Path(source).name)) from error  # the folder is the server's
        return (_shown(photograph.pixels), _shown(enhanced.pixels)), gr.DownloadButton(
            value=str(target), interactive=True
        )

    with gr.Blocks(title="NeRCo", analytics_enabled=False) as page:
        gr.Markdown("# NeRCo\nA photograph taken in the dark, before and after.")
        with gr.Row():
            source = gr.File(label="Photograph", file_types=list(IMAGE_FORMATS), type="filepath", elem_id="source")
            with gr.Column():
                strength = gr.Slider(0, 1, value=1, step=0.05, label="Strength", elem_id="strength")
                label = "Brightness, in stops of exposure"
                stops = gr.Slider(-4, 4, value=0, step=0.25, label=label, elem_id="stops", visible=enhancer.exposes)
                label = "Download, in the file's own format and depth"
                target = gr.DownloadButton(label, elem_id="download", interactive=False)
        slider = gr.ImageSlider(label="Before and after", type="numpy", interactive=False, elem_id="slider")
        for changed in (source, strength, stops):  # what can be downloaded is what is shown, and what is set in the end
            changed.change(wait, None, target).then(
                enhance, [source, strength, stops], [slider, target], trigger_mode="always_last"
            )
    return page


def check_address(host: str, port: int) -> None:
    """Raise OSError, naming the option at fault, where no page can be served."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            if os.name == "posix":  # elsewhere it would take what is taken
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        option = f"--port {port}" if error.errno in (errno.EADDRINUSE, errno.EACCES) else f"--host {host}"
        raise OSError(f"{option}: cannot be listened on: {error.strerror}; name another") from error


def launch(page: Any, host: str, port: int) -> None:
    """Begin to serve ``page``, in threads of its own; raises OSError where the port is taken."""
    theme = import_gradio().themes.Default(font=FONTS, font_mono=FONTS)
    page.launch(server_name=host, server_port=port, share=False, theme=theme, prevent_thread_lock=True, quiet=True)


def serve(enhancer: Enhancer, host: str = "127.0.0.1", port: int = 7860) -> None:
    """The page with a folder of its own for photographs and results, until interrupted, as by Ctrl-C: it is raised."""
    with tempfile.TemporaryDirectory(prefix="nerco_demo_") as folder:
        os.environ.setdefault("GRADIO_TEMP_DIR", str(Path(folder) / "gradio"))  # uploads would outlast the page
        page = build_page(enhancer, Path(folder))
        launch(page, host, port)
        sys.stdout.write(f"until Ctrl-C, the page is at {page.local_url.rstrip('/')}\n")
        sys.stdout.flush()
        try:
            while True:
                time.sleep(1)
        finally:
            page.close(verbose=False)


def _shown(pixels: Any) -> Any:
    """(H, W, 3) uint8 of a photograph's pixels, as a browser shows them."""
    eight = pixels if pixels.dtype == "uint8" else (pixels >> 8).astype("uint8")
    return eight[..., :3] if eight.shape[2] >= 3 else eight[..., :1].repeat(3, axis=2)
