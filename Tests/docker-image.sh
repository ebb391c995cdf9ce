#!/bin/bash
# Builds an image like the official nginx image, without a registry, from this machine's nginx and
# libraries and from busybox. It listens on port 80, includes only conf.d/*.conf, runs its workers
# as user 101 (nginx), and stops on SIGQUIT.
#
# usage: Tests/docker-image.sh TAG      needs: docker, nginx, busybox (statically linked)
set -eu
tag=${1:?tag}
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# take FILE PLACE: copies a file into the image, following links.
take() { install -D -m 0755 "$(readlink -f "$1")" "$root$2"; }

take "$(command -v nginx)" /usr/sbin/nginx
ldd "$(command -v nginx)" | grep -o '/[^ ]*' | while read -r library; do
  take "$library" "$library"
done
take "$(command -v busybox)" /bin/busybox
busybox --list | while read -r name; do
  [ "$name" = busybox ] || ln -s busybox "$root/bin/$name"
done

mkdir -p "$root"/{tmp,run,root,var/log/nginx,var/lib/nginx,etc/nginx/conf.d,usr/share/nginx/html}
# For containers that run as another user.
chmod 0777 "$root"/{tmp,run,var/lib/nginx}
ln -s /dev/stdout "$root/var/log/nginx/access.log"
ln -s /dev/stderr "$root/var/log/nginx/error.log"
cat >"$root/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
nginx:x:101:101:nginx:/nonexistent:/bin/false
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
END
printf 'root:x:0:\nnginx:x:101:\nnogroup:x:65534:\n' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

cat >"$root/etc/nginx/mime.types" <<'END'
types {
    text/html html;
    text/plain txt;
}
END
cat >"$root/etc/nginx/nginx.conf" <<'END'
user nginx;
worker_processes 1;
error_log /var/log/nginx/error.log notice;
pid /run/nginx.pid;
events { worker_connections 512; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
END
cat >"$root/etc/nginx/conf.d/default.conf" <<'END'
server {
    listen 80;
    server_name localhost;
    location / { root /usr/share/nginx/html; }
}
END
echo 'as it comes from the image' >"$root/usr/share/nginx/html/index.html"

cat >"$work/Dockerfile" <<'END'
FROM scratch
COPY root /
ENV PATH=/usr/sbin:/bin
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
END
# Not every engine has BuildKit.
DOCKER_BUILDKIT=0 docker build --quiet --tag "$tag" "$work" 2>&1
