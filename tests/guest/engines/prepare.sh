# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by engines.sh: an image, the daemons and the configuration of the engines. The guest's kernel
# has neither overlayfs nor network devices.

wrapper=/usr/local/bin/hookd-runtime

make_image() {
	local image=/srv/image program

	mkdir -p $image/{bin,dev,etc,proc,run,sys,tmp,var}
	cp /bin/busybox $image/bin/
	for program in cat echo sh sleep; do
		ln -sf busybox $image/bin/$program
	done
	chmod 1777 $image/tmp
	tar -C $image -cf /srv/image.tar .
	cp -a $image /srv/image-mapped
	chown -R 100000:100000 /srv/image-mapped
}

start_containerd() {
	containerd > "$work/containerd.log" 2>&1 &
	until_true ctr version > "$work/out" 2>&1
}

# Adds the hooks that the container's environment names, then is the runtime.
write_docker_runtime() { # NAME RUNTIME
	cat > "/srv/docker-$1" << END
#!/bin/sh
bundle=
for argument; do
	[ "\$before" != --bundle ] || bundle=\$argument
	before=\$argument
done
config=\$bundle/config.json
hooks=\$(jq -r '.process.env[] | select(startswith("HOOKS=")) | .[6:]' "\$config" 2> /dev/null)
case " \$* " in *' create '*)
	[ -z "\$hooks" ] || { jq --slurpfile hooks "\$hooks" '.hooks |= (\$hooks[0] + (. // {}))' "\$config" \\
		> "\$config.new" && mv "\$config.new" "\$config"; } ;;
esac
exec $2 "\$@"
END
	chmod 755 "/srv/docker-$1"
}

start_docker() {
	write_docker_runtime runc "$(command -v runc)"
	write_docker_runtime hookd-runtime $wrapper
	mkdir -p /etc/docker
	jq -n --arg wrapper $wrapper '{bridge: "none", iptables: false, "ip-forward": false,
		"storage-driver": "vfs", runtimes: {
			hookd: {path: $wrapper}, "test-runc": {path: "/srv/docker-runc"},
			"test-hookd-runtime": {path: "/srv/docker-hookd-runtime"}}}' > /etc/docker/daemon.json
	dockerd --containerd=/run/containerd/containerd.sock > "$work/dockerd.log" 2>&1 &
	until_true docker version > "$work/out" 2>&1 || cp "$work/dockerd.log" "$work/out"
	docker import /srv/image.tar test > "$work/out"
	start_mapped_docker
}

# One whose containers have a user namespace.
start_mapped_docker() {
	local host=unix:///run/docker-mapped.sock

	dockerd --containerd=/run/containerd/containerd.sock --host=$host --userns-remap=mine \
		--data-root=/var/lib/docker-mapped --exec-root=/run/docker-mapped \
		--pidfile=/run/docker-mapped.pid > "$work/dockerd-mapped.log" 2>&1 &
	until_true docker --host=$host version > "$work/out" 2>&1
	docker --host=$host import /srv/image.tar test > "$work/out"
}

prepare_podman() {
	printf '%s\n' '[storage]' 'driver = "vfs"' 'graphroot = "/var/lib/containers/storage"' \
		'runroot = "/run/containers/storage"' > /etc/containers/storage.conf
	podman import /srv/image.tar localhost/test > "$work/out" 2>&1
}

prepare_rootless() {
	session=${cgroups%/*}/session.scope
	start_users_systemd
	as_user systemctl --user --quiet enable --now hookd.socket dbus.socket
	mkdir -p "$session"
	chown $user "$session" "$session/cgroup.procs"
	in_session STORAGE_DRIVER=vfs podman import /srv/image.tar localhost/test > "$work/out" 2>&1
}

prepare() {
	install_hookd
	make_image
	prepare_podman
	prepare_rootless
	start_containerd
	start_docker
}
