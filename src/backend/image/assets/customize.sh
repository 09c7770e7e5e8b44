#!/bin/sh
# Runs inside the new root, after its packages are installed: lays PXEN's own files over it, takes out what a booting
# machine needs before there is a root (Xen, kernel, initrd, iPXE) into /pxen-build/out, and drops what no host needs.
# $1 is the time stamp of everything made here (SOURCE_DATE_EPOCH).
set -eu

epoch=$1
build=/pxen-build
out=$build/out
mkdir $out

lay_over() {
  cp -R $build/root/. /
  chmod 755 /usr/lib/pxen/*
  ln -sf ../bin/busybox /usr/sbin/init
  for name in poweroff reboot halt; do ln -sf ../bin/busybox /usr/sbin/$name; done
  mkdir -p /etc/ssh /root/.ssh /srv /var/lib/xen /var/log/xen
  # Each boot makes its own; one that travelled in an image would be everybody's.
  rm -f /etc/ssh/ssh_host_*
  # Saves guests into RAM at shutdown, which a dom0 in RAM then forgets.
  rm -f /etc/init.d/xendomains
  : >/etc/machine-id
  basename /usr/lib/modules/* >/usr/lib/pxen/kernel-release
}

take_out_boot_files() {
  gzip -dc /boot/xen-*-amd64.gz >$out/xen
  cp /boot/xen-*-amd64.efi $out/xen.efi
  cp /boot/vmlinuz-* $out/vmlinuz
  for name in undionly.kpxe ipxe.efi snponly.efi; do cp /usr/lib/ipxe/$name $out/$name; done
  dpkg-query -W -f '${Package} ${Version}\n' >$out/packages
  cp /etc/debian_version $out/debian_version
}

# Relative paths of the modules that bring up a network card and mount the root, with all they depend on.
initrd_modules() {
  cd "$1"
  awk -F ': *' '
    { needs[$1] = $2 }
    $1 ~ "^kernel/drivers/net/(ethernet|phy|mdio|pcs|vmxnet3|hyperv)/" ||
    $1 ~ "/(virtio_net|virtio_pci|pci-hyperv|bridge|loop|squashfs|overlay)\\.ko" { wanted[$1] }
    END {
      for (module in wanted) {
        print module
        count = split(needs[module], list, " ")
        for (i = 1; i <= count; i++) print list[i]
      }
    }' modules.dep | sort -u
}

# busybox, the network drivers and the init script: all that runs before the root is in RAM.
make_initrd() {
  tree=$build/initrd-tree
  release=$(cat /usr/lib/pxen/kernel-release)
  source=/usr/lib/modules/$release
  target=$tree/lib/modules/$release
  depmod "$release"
  mkdir -p $tree/bin $tree/sbin $tree/proc $tree/sys $tree/dev "$target"
  cp /usr/bin/busybox $tree/bin/busybox
  for name in $(busybox --list); do [ "$name" = busybox ] || ln -s busybox "$tree/bin/$name"; done
  # The kernel asks for drivers (of a card's PHY, say) by this name.
  ln -s ../bin/busybox $tree/sbin/modprobe
  initrd_modules "$source" | while read -r module; do
    mkdir -p "$target/$(dirname "$module")"
    busybox xz -dc "$source/$module" >"$target/${module%.xz}"
  done
  cp "$source/modules.order" "$source/modules.builtin" "$source/modules.builtin.modinfo" "$target"
  depmod -b $tree "$release"
  rm -f "$target"/modules.*.bin "$target/modules.order" "$target/modules.builtin.modinfo"
  cp $build/initrd/init $build/initrd/fetch $tree
  chmod 755 $tree/init $tree/fetch
  find $tree -exec touch -h -d "@$epoch" {} +
  cd $tree
  find . -print0 | LC_ALL=C sort -z | cpio --quiet --null -o -H newc --reproducible --owner=0:0 | zstd -q -19 -T1 >$out/initrd
}

drop_what_no_host_needs() {
  find /boot -mindepth 1 -delete
  rm -rf /vmlinuz* /initrd.img* /usr/lib/ipxe /usr/share/initramfs-tools /var/lib/dpkg/info /var/cache/debconf
  rm -f /var/log/*.log /var/log/apt/*
  rm -rf /var/lib/xen-* /usr/lib/debug
}

# Compiled by content, not by date: the same bytes each time, and no second compilation in a dom0 that forgets.
compile_python() {
  find /usr/lib/python3* -name __pycache__ -type d -prune -exec rm -rf {} +
  python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3*
}

lay_over
take_out_boot_files
make_initrd
cd /
drop_what_no_host_needs
compile_python
find $out -exec touch -h -d "@$epoch" {} +
