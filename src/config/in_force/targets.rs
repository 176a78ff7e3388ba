//! The section `targets`.

use super::Settings;
use crate::config::{
    AccessKey, Agency, CciAuth, CciConfig, EndpointConfig, KeyAuth, KubernetesConfig, Mode,
    Namespaces, PollConfig, ProbeConfig, Project, Selection, TargetConfig, TokenAuth,
};

impl Settings<'_> {
    /// Adds the target at `path`.
    pub(super) fn target(&mut self, path: &str, target: &TargetConfig) {
        let TargetConfig {
            name,
            endpoint,
            mode,
            probes,
            controller_time_zone,
        } = target;
        self.add(format!("{path}.name"), name);
        match endpoint {
            EndpointConfig::Kubernetes(KubernetesConfig {
                kubeconfig,
                context,
            }) => {
                self.add(format!("{path}.kubernetes.kubeconfig"), kubeconfig);
                self.add(format!("{path}.kubernetes.context"), context);
            }
            EndpointConfig::Cci(cci) => self.cci(&format!("{path}.cci"), cci),
        }
        match mode {
            Mode::Watch(selection) => {
                self.add(format!("{path}.mode"), "watch");
                self.watched(&format!("{path}.poll"), *probes);
                self.selection(path, selection);
            }
            Mode::PollLists { selection, poll } => {
                self.add(format!("{path}.mode"), "poll");
                self.poll(&format!("{path}.poll"), *poll, *probes);
                self.selection(path, selection);
            }
            Mode::PollJobs { jobs, poll } => {
                self.add(format!("{path}.mode"), "poll");
                self.poll(&format!("{path}.poll"), *poll, *probes);
                self.add(format!("{path}.jobs"), &jobs[..]);
            }
        }
        self.add(format!("{path}.controller_time_zone"), controller_time_zone);
    }

    fn cci(&mut self, path: &str, cci: &CciConfig) {
        let CciConfig {
            endpoint,
            ca_file,
            auth,
        } = cci;
        self.add(format!("{path}.endpoint"), endpoint);
        self.add(format!("{path}.ca_file"), ca_file);
        match auth {
            CciAuth::Token(token) => self.token(&format!("{path}.auth.token"), token),
            CciAuth::AccessKey(key) => self.key(&format!("{path}.auth.aksk"), key),
            CciAuth::EcsAgency { project_id } => {
                self.add(format!("{path}.auth.ecs_agency.project_id"), project_id);
            }
        }
    }

    fn token(&mut self, path: &str, token: &TokenAuth) {
        let TokenAuth {
            iam_endpoint,
            domain,
            username,
            password_file,
            project,
            agency,
            header,
        } = token;
        self.add(format!("{path}.iam_endpoint"), iam_endpoint);
        self.add(format!("{path}.domain"), domain);
        self.add(format!("{path}.username"), username);
        self.add(format!("{path}.password_file"), password_file);
        match project {
            Project::Name(name) => self.add(format!("{path}.project"), name),
            Project::Id(id) => self.add(format!("{path}.project_id"), id),
        }
        if let Some(Agency { domain, name }) = agency {
            self.add(format!("{path}.agency.domain"), domain);
            self.add(format!("{path}.agency.name"), name);
        }
        self.add(format!("{path}.token_header"), header);
    }

    fn key(&mut self, path: &str, key: &KeyAuth) {
        let KeyAuth {
            access_key,
            secret_key_file,
            project_id,
            security_token_file,
        } = key;
        let access_key_path = match access_key {
            AccessKey::Given(_) => "access_key",
            AccessKey::File(_) => "access_key_file",
        };
        self.add(format!("{path}.{access_key_path}"), access_key);
        self.add(format!("{path}.secret_key_file"), secret_key_file);
        self.add(format!("{path}.project_id"), project_id);
        self.add(format!("{path}.security_token_file"), security_token_file);
    }

    /// What `poll` says of a target that is watched: it is for probes alone.
    fn watched(&mut self, path: &str, probes: ProbeConfig) {
        let ProbeConfig {
            any,
            timeout,
            requests_per_second,
        } = probes;
        self.add(format!("{path}.probe_any"), &any);
        self.add(format!("{path}.timeout"), &timeout);
        self.add(format!("{path}.requests_per_second"), &requests_per_second);
    }

    fn poll(&mut self, path: &str, poll: PollConfig, probes: ProbeConfig) {
        let PollConfig {
            interval,
            timeout,
            concurrency,
            requests_per_second,
            by_list,
        } = poll;
        self.add(format!("{path}.interval"), &interval);
        self.add(format!("{path}.timeout"), &timeout);
        self.add(format!("{path}.concurrency"), &concurrency);
        self.add(format!("{path}.requests_per_second"), &requests_per_second);
        self.add(format!("{path}.by_list"), &by_list);
        self.add(format!("{path}.probe_any"), &probes.any);
    }

    fn selection(&mut self, path: &str, selection: &Selection) {
        let Selection {
            namespaces: Namespaces { include, exclude },
            label_selector,
            pods,
        } = selection;
        self.add(format!("{path}.namespaces.include"), &include[..]);
        self.add(format!("{path}.namespaces.exclude"), &exclude[..]);
        self.add(format!("{path}.label_selector"), label_selector);
        self.add(format!("{path}.pods.enabled"), pods);
    }
}
