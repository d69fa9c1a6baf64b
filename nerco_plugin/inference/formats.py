"""Which endings are images and which are videos. Imports nothing, so that a command line can ask without delay."""

IMAGE_FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".bmp": "BMP",
}
VIDEO_CODECS = {
    ".mp4": "libx264",
    ".m4v": "libx264",
    ".mov": "libx264",
    ".mkv": "libx264",
    ".avi": "libx264",
    ".webm": "libvpx-vp9",
}
# Pictures and videos of other kinds, which are not enhanced: what Pillow knows (but documents and data), and cameras.
UNREAD = {
    *(".heic", ".heif", ".hif", ".heics", ".avif", ".avifs", ".jxl", ".jxr", ".gif", ".apng", ".mpo", ".dib"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".jp2", ".j2k", ".jpc", ".jpf", ".jpx", ".j2c", ".tga", ".pcx", ".dcx"),
    *(".psd", ".psb", ".xcf", ".exr", ".hdr", ".dds", ".qoi", ".sgi", ".rgb", ".rgba", ".bw", ".ras", ".pcd", ".pxr"),
    *(".svg", ".eps", ".wmf", ".emf", ".ico", ".icns", ".cur", ".xbm", ".xpm", ".fit", ".fits"),
    *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".orf", ".rw2", ".rwl", ".pef"),
    *(".srw", ".3fr", ".fff", ".iiq", ".erf", ".kdc", ".dcr", ".mrw", ".mef", ".mos", ".x3f", ".gpr", ".raw"),
    *(".mts", ".m2ts", ".3gp", ".3g2", ".mpg", ".mpeg", ".m2v", ".vob", ".wmv", ".asf", ".flv", ".f4v", ".ogv", ".mxf"),
}
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\x00", b"MM\x00*", b"BM")
_BRANDS = (b"ftyphei", b"ftypmif1", b"ftypavif")  # of HEIC and AVIF, behind four bytes


def starts_like_a_picture(head: bytes) -> bool:
    """Whether a file without an ending is a photograph by its first 16 bytes."""
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return head.startswith(_STARTS) or head[4:].startswith(_BRANDS) or is_webp
