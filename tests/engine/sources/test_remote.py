"""Data sets behind URLs: an S3 server and a Hub, both over HTTP, and memory."""

import os
import shutil
import uuid
from pathlib import Path

import fsspec
import pytest
from s3fs import S3FileSystem

from groundray.engine.conversion.pictures import read_image_file
from groundray.engine.sources import Source, iter_decoded, iter_images, open_source, read_keys
from groundray.formats.errors import DamagedError, SourceError
from tests.chaos.proxy import proxy_to
from tests.engine.sources import makers
from tests.engine.sources.images import content_of, data_of, record_images, row_images
from tests.engine.sources.makers import pictures

SAMPLE = makers.SAMPLE


def make_kangaroo(folder: Path) -> Path:
    makers.write(makers.kangaroo().table, folder / "data/train.parquet")
    makers.write_images(folder / "images")
    return folder


def upload(folder: Path, url: str) -> str:
    fs, path = fsspec.core.url_to_fs(url)
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            fs.pipe_file(f"{path}/{file.relative_to(folder).as_posix()}", file.read_bytes())
    return url


def assert_is_sample(source: Source) -> None:
    local = open_source([str(SAMPLE)])
    assert source.names == local.names
    assert source.layout == local.layout
    facts = [(f.relative, f.split, f.size_bytes, f.footer_sha256) for f in source.files]
    assert facts == [(f.relative, f.split, f.size_bytes, f.footer_sha256) for f in local.files]
    images = [
        image
        for file in source.files
        for image in record_images(row_images(source, file), iter_decoded(source, file))
    ]
    assert data_of(images) == [picture.data for picture in pictures()]
    assert len(read_keys(source, source.files[0])) == 5


def images_of(source: Source) -> list[bytes]:
    """Contents of the image files of all records."""
    (file,) = source.files
    images = record_images(row_images(source, file), iter_decoded(source, file))
    assert all(image.data is None for image in images)
    return [content_of(image) for image in images]


def test_s3_is_read_as_folder_glob_and_file(bucket: str) -> None:
    url = upload(SAMPLE, f"{bucket}/sets/coco")
    assert_is_sample(open_source([url]))
    assert_is_sample(open_source([f"{url}/"]))
    (file,) = open_source([f"{url}/data/val*"]).files
    assert file.relative == "val-00000-of-00001-544d7007b94175b9.parquet"
    assert open_source([file.url]).files == (file,)


def test_images_beside_parquet_on_s3_are_found(bucket: str, tmp_path: Path) -> None:
    url = upload(make_kangaroo(tmp_path), f"{bucket}/kangaroo")
    for place in (url, f"{url}/data", f"{url}/data/train.parquet"):
        assert images_of(open_source([place])) == [picture.data for picture in pictures()]
    elsewhere = open_source([f"{url}/data"], image_root=url)
    assert images_of(elsewhere) == [picture.data for picture in pictures()]


def test_missing_places_on_s3_are_named(bucket: str) -> None:
    with pytest.raises(SourceError, match=f"no such file or folder: {bucket}/nothing"):
        open_source([f"{bucket}/nothing"])
    with pytest.raises(SourceError, match="s3://no-such-bucket-here"):
        open_source(["s3://no-such-bucket-here/x"])


def test_the_hub_is_read_as_data_set_folder_and_file(hub: Path) -> None:
    shutil.copytree(SAMPLE, hub / "owner/coco")
    url = "hf://datasets/owner/coco"
    assert_is_sample(open_source([url]))
    source = open_source([f"{url}@main/data/train*"])
    assert [file.split for file in source.files] == ["train", "train"]
    assert source.names == tuple(makers.class_names())


def test_images_beside_parquet_on_the_hub_are_found(hub: Path) -> None:
    make_kangaroo(hub / "owner/kangaroo")
    source = open_source(["hf://datasets/owner/kangaroo/data"])
    assert images_of(source) == [picture.data for picture in pictures()]


def test_missing_data_sets_of_the_hub_are_named(hub: Path) -> None:
    assert hub.is_dir()
    with pytest.raises(SourceError, match="hf://datasets/owner/nothing"):
        open_source(["hf://datasets/owner/nothing"])


def test_a_file_behind_http_is_read_and_its_token_is_not_shown(
    hub: Path, hub_server: tuple[str, Path]
) -> None:
    name = "val-00000-of-00001-544d7007b94175b9.parquet"
    shutil.copytree(SAMPLE, hub / "owner/web")
    url = f"{hub_server[0]}/datasets/owner/web/resolve/main/data/{name}?token=secret"
    source = open_source([url])
    (file,) = source.files
    assert (file.relative, file.split) == (name, "val")
    assert "secret" not in repr(source)
    images = record_images(row_images(source, file), iter_decoded(source, file))
    assert data_of(images) == [picture.data for picture in pictures()[10:]]
    with pytest.raises(SourceError) as error:
        open_source([url.replace("/val-", "/none-")])
    assert "secret" not in str(error.value)


def test_memory_is_read(tmp_path: Path) -> None:
    name = uuid.uuid4().hex
    assert_is_sample(open_source([upload(SAMPLE, f"memory://{name}/coco")]))
    url = upload(make_kangaroo(tmp_path), f"memory://{name}/kangaroo")
    assert images_of(open_source([url])) == [picture.data for picture in pictures()]


def test_local_file_urls_are_local_paths() -> None:
    assert open_source([f"file://{SAMPLE}"]) == open_source([str(SAMPLE)])


def test_a_file_that_is_not_answered_for_is_not_left_out(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = upload(SAMPLE, f"{bucket}/sets/coco")
    with proxy_to(os.environ["AWS_ENDPOINT_URL"], seed=0) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        impatient = {"read_timeout": 1, "retries": {"max_attempts": 1}}
        monkeypatch.setitem(fsspec.config.conf, "s3", {"config_kwargs": impatient})
        S3FileSystem.clear_instance_cache()
        source = open_source([url])
        proxy.share = 1.0
        with pytest.raises(SourceError, match=r"train.*cannot be read") as caught:
            list(iter_images(source, source.files[0]))
        assert not isinstance(caught.value, DamagedError)
        with pytest.raises(SourceError, match=r"image.jpg: cannot be read at the moment"):
            read_image_file(f"{bucket}/image.jpg")
        with pytest.raises(SourceError):
            open_source([f"{url}/data/train-00000-of-00002.parquet"])
