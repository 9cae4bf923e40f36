"""A small filesystem of its own on a loop device."""

import fcntl
import os
import shutil
import struct
import subprocess


class LoopDisk:
    """An ext4 in an image file. All of it needs root."""

    def __init__(self, folder, megabytes):
        self.image, self.point = os.path.join(folder, "disk.img"), os.path.join(folder, "disk")
        self.filler = os.path.join(self.point, "filler")
        with open(self.image, "wb") as image:
            image.truncate(megabytes << 20)
        # A lazy initialisation would write in the background, after the test has begun.
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image], check=True)
        os.makedirs(self.point)

    @staticmethod
    def obstacle():
        """Why there can be none here; None where there can."""
        if os.geteuid() != 0:
            return "loop filesystems need root"
        for tool in ["mkfs.ext4", "mount", "umount", "losetup"]:
            if shutil.which(tool) is None:
                return f"{tool} is not installed"
        free = subprocess.run(["losetup", "-f"], capture_output=True, check=False)
        return None if free.returncode == 0 else "there are no loop devices here"

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.point], check=True)
        return self.point

    def unmount(self):
        if os.path.ismount(self.point):
            subprocess.run(["umount", self.point], check=True)

    def fill(self):
        """Leaves no room; returns the bytes that are left all the same."""
        number = os.open(self.filler, os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            size, piece = os.fstat(number).st_size, 64 << 20
            while piece >= 4096:
                try:
                    os.posix_fallocate(number, size, piece)
                    size += piece
                except OSError:
                    piece //= 2
        finally:
            os.close(number)
        state = os.statvfs(self.point)
        return state.f_bavail * state.f_frsize

    def free(self):
        if os.path.exists(self.filler):
            os.unlink(self.filler)

    def cut(self):
        """The power is cut: ext4 stops here and now, and nothing that it has not written yet is written (EXT4_IOC_SHUTDOWN without a flush of the journal)."""
        request, without_flush = 0x8004587D, struct.pack("I", 2)
        number = os.open(self.point, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(number, request, without_flush)
        finally:
            os.close(number)

    def power_up(self):
        """Goes on with what was on the disk when the power was cut. Nobody may have a file open any more.

        A copy of the image is mounted in the old one's place: unmounting could still write, and the old filesystem lives on as long as any other mount namespace
        of the machine has it, as it is.
        """
        copy = self.image + ".copy"
        subprocess.run(["cp", "--sparse=auto", self.image, copy], check=True)
        self.unmount()
        os.replace(copy, self.image)
        self.mount()
