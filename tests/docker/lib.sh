# shellcheck shell=bash
# Docker helpers. Source it after scripts/lib.sh.

# docker_can_build CLIENT: prints how this client reaches BuildKit: "buildx"
# through its plugin, "builtin" through DOCKER_BUILDKIT=1 (clients before 23
# carry BuildKit's own client, later ones only delegate to the plugin).
docker_can_build() {
  local client=$1 major
  if "$client" buildx version >/dev/null 2>&1; then
    printf 'buildx'
    return 0
  fi
  major="$("$client" version --format '{{.Client.Version}}' 2>/dev/null | cut -d. -f1)"
  case "$major" in
  18 | 19 | 20) printf 'builtin' ;;
  *) return 1 ;;
  esac
}

# docker_build ARGUMENT…: `docker build` by BuildKit, with the first client that
# can: $DOCKER, the one in PATH, the distribution's.
docker_build() {
  local client how
  for client in ${DOCKER:+"$DOCKER"} docker /usr/bin/docker; do
    have "$client" || continue
    how="$(docker_can_build "$client")" || continue
    case "$how" in
    buildx) "$client" buildx build --load --provenance=false "$@" ;;
    builtin) DOCKER_BUILDKIT=1 "$client" build "$@" ;;
    esac
    return
  done
  die "no Docker client here can build with BuildKit" "install Docker's buildx plugin (Debian: docker-buildx, Docker's own repository: docker-buildx-plugin)"
}

# image_id IMAGE: its id, or nothing where there is no such image.
image_id() { docker image inspect --format '{{.Id}}' "$1" 2>/dev/null || true; }

# image_label IMAGE LABEL: a label's value, or nothing.
image_label() {
  docker image inspect --format "{{index .Config.Labels \"$2\"}}" "$1" 2>/dev/null || true
}

# image_size IMAGE: bytes on disk.
image_size() { docker image inspect --format '{{.Size}}' "$1"; }
