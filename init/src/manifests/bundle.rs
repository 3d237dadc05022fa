//! The image's manifest files.

use super::plan::Entry;
use crate::failure::{Context, Failure};
use kube::api::DynamicObject;
use openshell_contract::names::{cluster, path};
use openshell_contract::reason::Reason;
use std::fs;
use std::path::{Path, PathBuf};

/// An object of the image.
#[derive(Clone, Debug)]
pub struct Bundled {
    /// Its name in the inventory.
    pub entry: Entry,
    /// What is applied.
    pub object: DynamicObject,
    /// The file that it is from.
    pub file: String,
}

/// Every object of the image's manifests, by file name; those for GPUs only if they are wanted.
pub fn objects(gpu: bool) -> Result<Vec<Bundled>, Failure> {
    objects_in(Path::new(path::BUNDLE), gpu)
}

fn objects_in(bundle: &Path, gpu: bool) -> Result<Vec<Bundled>, Failure> {
    let mut objects = Vec::new();
    for dir in ["manifests", "gpu-manifests"].iter().take(if gpu { 2 } else { 1 }) {
        for file in files(&bundle.join(dir))? {
            let name = file.display().to_string();
            let text = fs::read_to_string(&file)
                .failing(Reason::ImageIncomplete, || format!("can't read {name}"))?;
            objects.extend(read(&name, &text)?);
        }
    }
    Ok(objects)
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let context = || format!("can't list {}", dir.display());
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).failing(Reason::ImageIncomplete, context)? {
        let file = entry.failing(Reason::ImageIncomplete, context)?.path();
        if file.extension().is_some_and(|e| e == "yaml") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// The objects in the text of a file, each labelled as ours.
pub fn read(file: &str, text: &str) -> Result<Vec<Bundled>, Failure> {
    let objects: Vec<DynamicObject> = serde_saphyr::from_multiple(text)
        .failing(Reason::ImageIncomplete, || format!("can't read {file}"))?;
    objects.into_iter().map(|object| bundled(file, object)).collect()
}

fn bundled(file: &str, mut object: DynamicObject) -> Result<Bundled, Failure> {
    let lacks = |what| Failure::new(Reason::ImageIncomplete, format!("an object in {file} has no {what}"));
    let types = object.types.as_ref().ok_or_else(|| lacks("kind and apiVersion"))?;
    let entry = Entry {
        api_version: types.api_version.clone(),
        kind: types.kind.clone(),
        namespace: object.metadata.namespace.clone(),
        name: object.metadata.name.clone().ok_or_else(|| lacks("name"))?,
    };
    let labels = object.metadata.labels.get_or_insert_default();
    labels.insert(cluster::MANAGED_BY_LABEL.to_owned(), cluster::FIELD_MANAGER.to_owned());
    Ok(Bundled { entry, object, file: file.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_of_a_file_is_an_object_labelled_as_ours() {
        let text = "apiVersion: v1\nkind: A\nmetadata: {name: x, labels: {team: t}}\n---\n\
                    apiVersion: g/v1\nkind: B\nmetadata: {name: y, namespace: n}\ndata: {k: v}\n";
        let objects = read("f", text).unwrap();
        let names: Vec<_> = objects.iter().map(|o| o.entry.to_string()).collect();
        assert_eq!(names, ["A x", "B y in n"]);
        let labels = objects[0].object.metadata.labels.as_ref().unwrap();
        assert_eq!((labels.len(), labels[cluster::MANAGED_BY_LABEL].as_str()), (2, "openshell-init"));
        assert_eq!(objects[1].object.data["data"]["k"], "v");
    }

    #[test]
    fn the_images_own_manifests_are_well_formed_and_those_for_gpus_are_for_gpus_alone() {
        let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../image");
        let names = |gpu| {
            let objects = objects_in(&image, gpu).unwrap();
            objects.iter().map(|o| o.entry.to_string()).collect::<Vec<_>>()
        };
        let (without, with) = (names(false), names(true));
        for name in [
            "CustomResourceDefinition sandboxes.agents.x-k8s.io",
            "StatefulSet agent-sandbox-controller in agent-sandbox-system",
        ] {
            assert!(without.iter().any(|n| n == name), "no {name} in {without:?}");
        }
        // A pod's owner reference that blocks its owner's deletion asks for this one (Kubernetes admission plugin
        // OwnerReferencesPermissionEnforcement).
        let objects = objects_in(&image, false).unwrap();
        let role = objects.iter().find(|o| o.entry.kind == "ClusterRole").unwrap();
        let rules = role.object.data["rules"].as_array().unwrap();
        let finalizers = serde_json::json!(["sandboxes/finalizers"]);
        assert!(rules.iter().any(|r| r["resources"] == finalizers && r["verbs"][0] == "update"), "{rules:?}");
        assert_eq!(with[without.len()..], ["DaemonSet nvidia-device-plugin in kube-system"]);
        // k3s's Helm controller is off, so that nothing would be made of one.
        assert!(with.iter().all(|name| !name.starts_with("HelmChart ")), "{with:?}");
    }

    #[test]
    fn the_device_plugin_is_pinned_and_gives_gpus_by_cdi() {
        let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../image");
        let objects = objects_in(&image, true).unwrap();
        let pod = &objects.last().unwrap().object.data["spec"]["template"]["spec"];
        assert_eq!(pod["runtimeClassName"], "nvidia");
        assert!(pod.get("affinity").is_none(), "it is for a node whatever its labels are");
        let container = &pod["containers"][0];
        assert_eq!(container["image"], "nvcr.io/nvidia/k8s-device-plugin:v0.19.1");
        for (name, value) in [
            ("DEVICE_LIST_STRATEGY", "cdi-cri"),
            ("DEVICE_ID_STRATEGY", "index"),
            ("NVIDIA_CDI_HOOK_PATH", "/usr/bin/nvidia-cdi-hook"),
            ("NVIDIA_DRIVER_ROOT", "/"),
        ] {
            let set = serde_json::json!({"name": name, "value": value});
            assert!(container["env"].as_array().unwrap().contains(&set), "{set} is not in {container}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_its_file() {
        let why = |text| read("f.yaml", text).unwrap_err().message;
        assert!(why("metadata: {name: x}\n").contains("f.yaml has no kind"));
        assert!(why("apiVersion: v1\nkind: A\nmetadata: {}\n").contains("f.yaml has no name"));
        assert!(why("{").contains("f.yaml"));
    }
}
