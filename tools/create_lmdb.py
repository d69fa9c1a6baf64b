"""Packs a folder of images, or those that a meta-info file lists, into an LMDB that training reads.

    python tools/create_lmdb.py datasets/lol/train/low datasets/lol/train_low.lmdb

Interrupted, it continues where it was when called again.
"""

import argparse
import sys


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="folder of images, read with its subfolders")
    parser.add_argument("target", help="LMDB to create, *.lmdb")
    parser.add_argument("--meta_info", metavar="FILE", help="take only the images that this file lists")
    parser.add_argument("--basicsr_keys", action="store_true", help="keys for BasicSR's own loop: cut at the first dot")
    args = parser.parse_args()
    import lmdb  # all after parsing: --help need not wait
    from tqdm import tqdm

    from nerco_plugin.data.image_list import list_folder, list_meta_info
    from nerco_plugin.data.lmdb_writer import create_lmdb

    try:
        names = list_meta_info(args.meta_info) if args.meta_info else list_folder(args.folder)
        with tqdm(total=len(names), unit="image") as bar:
            create_lmdb(args.folder, names, args.target, args.basicsr_keys, on_image=lambda name: bar.update())
    except (OSError, ValueError, lmdb.Error) as error:
        print(f"create_lmdb: {error}", file=sys.stderr)
        return 1
    print(f"{len(names)} images of {args.folder} are in {args.target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
