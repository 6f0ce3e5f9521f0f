"""Step 7: the tenant's knn index with its alias."""

import os

from kit import NotDone, answered, http, refused, secret, step

# Seconds.
INDEX = 20


def body(alias):
    return {
        "settings": {
            "index": {"knn": True, "number_of_shards": 1, "number_of_replicas": int(os.environ.get("KNN_REPLICAS") or 1)}
        },
        "mappings": {
            "dynamic": "strict",
            "_meta": {"ivory_mapping_version": 2},
            "properties": {
                "document_id": {"type": "keyword"},
                "title": {"type": "text"},
                "content": {"type": "text"},
                "source": {"type": "keyword"},
                "metadata": {"type": "flat_object"},
                "created_at": {"type": "date"},
                "embedding": {
                    "type": "knn_vector",
                    "dimension": int(os.environ.get("KNN_DIMENSION") or 1536),
                    "method": {
                        "name": "hnsw",
                        "engine": os.environ.get("KNN_ENGINE") or "faiss",
                        "space_type": "cosinesimil",
                        "parameters": {"m": 16, "ef_construction": 128},
                    },
                },
            },
        },
        "aliases": {alias: {"is_write_index": True}},
    }


@step(7)
def handler(lease):
    tenant = lease.tenant
    index, alias = f"client_{tenant['slug']}_v1", f"client_{tenant['slug']}"
    region = secret(f"regions/{tenant['region']}")["opensearch"]
    login = (region["auth"]["username"], region["auth"]["password"])
    intent = lease.intend_once("search_index", index, INDEX)

    def call(method, path, content=None):
        return http.request(method, f"{region['endpoint']}/{path}", json=content, auth=login, timeout=10)

    def holders():
        answer = call("GET", f"_alias/{alias}")
        return {} if answer.status_code == 404 else answered("opensearch", answer)

    if set(holders()) - {index}:
        raise NotDone("Step.Rejected", "opensearch_conflict", "platform", False, "The alias leads elsewhere.")
    created = call("PUT", index, body(alias))
    if created.status_code == 400 and "resource_already_exists_exception" in created.text:
        found = answered("opensearch", call("GET", index))[index]
        if found["mappings"]["properties"]["embedding"] != body(alias)["mappings"]["properties"]["embedding"]:
            raise NotDone("Step.Rejected", "opensearch_conflict", "platform", False, "The index is another one.")
        add = {"index": index, "alias": alias, "is_write_index": True}
        answered("opensearch", call("POST", "_aliases", {"actions": [{"add": add}]}))
    elif not created.ok:
        raise refused("opensearch", created)
    if set(holders()) != {index}:
        raise NotDone("Step.Transient", "opensearch_not_visible", "provider", True, "The alias is not there yet.")
    lease.confirm(intent, index)
    return {"opensearch_alias": alias}
