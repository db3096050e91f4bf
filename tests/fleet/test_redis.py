from unikernels.redis import connection


def test_the_connection_of_the_process_speaks_to_the_server_of_the_settings(redis_server: str) -> None:
    connection().set("greeting", "hello")
    assert connection().get("greeting") == b"hello"


def test_one_process_has_one_client_for_an_address(redis_server: str) -> None:
    assert connection() is connection()
