import pytest

from groundray.engine.converted import share_with


@pytest.mark.parametrize(
    ("root", "folder", "name"),
    [
        ("/data/in", "/data/out/glm/val", "../../../in/images/a.jpg"),
        ("s3://b/in", "s3://b/out/glm/val", "../../../in/images/a.jpg"),
        ("s3://b/in", "s3://other/out/glm/val", "s3://b/in/images/a.jpg"),
        ("s3://b/in", "/data/out/glm/val", "s3://b/in/images/a.jpg"),
        ("/data/in", "s3://b/out/glm/val", "/data/in/images/a.jpg"),
    ],
)
def test_images_are_named_by_the_way_that_leads_there(root: str, folder: str, name: str) -> None:
    assert share_with(root, folder).name(f"{root}/images/a.jpg") == name


def test_images_elsewhere_keep_their_names() -> None:
    sharing = share_with("/data/in", "/data/out/glm/val")
    assert sharing.name("http://images.example/a.jpg") == "http://images.example/a.jpg"
    assert sharing.name("/data/in-too/a.jpg") == "/data/in-too/a.jpg"
