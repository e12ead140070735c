"""Disks of the phone: ext4 files made from a folder and read back into one, without root."""

from __future__ import annotations

from pathlib import Path

from ondevice.devices.guest.tools import call

SLACK_BYTES = 32 << 20


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below a folder, each rounded up to whole blocks."""
    blocks = (-(-path.lstat().st_size // 4096) for path in folder.rglob("*") if not path.is_symlink())
    return 4096 * sum(blocks)


def make_disk(folder: Path, disk: Path, room_bytes: int) -> None:
    """Write a disk that holds a folder's content and has room for more; the room takes no space before it is used.

    Args:
        folder: what the disk shall hold.
        disk: file to write.
        room_bytes: room for what the phone writes.

    Raises:
        OnDeviceError: the disk can't be made, e.g. since the file system is full.
    """
    size_bytes = folder_bytes(folder) * 21 // 20 + SLACK_BYTES + room_bytes
    inodes = sum(1 for _ in folder.rglob("*")) + 4096
    # No journal: a phone that is stopped in the middle of something is thrown away with its disk.
    features = "^has_journal,^resize_inode,^metadata_csum"
    command = ["mke2fs", "-q", "-F", "-t", "ext4", "-O", features, "-m", "0", "-N", str(inodes)]
    call([*command, "-d", str(folder), str(disk), f"{size_bytes // 1024}k"], "making the phone's disk")


def read_disk(disk: Path, source: str, folder: Path) -> None:
    """Copy a folder of a disk to below another folder.

    Args:
        disk: the disk, not in use.
        source: absolute path on the disk.
        folder: where to copy it to.

    Raises:
        OnDeviceError: the disk can't be read.
    """
    # Paths of the host are given as they are seen from the folder, since debugfs splits its words at blanks.
    call(["debugfs", "-R", f"rdump {source} .", str(disk.resolve())], "reading the phone's disk", folder)
