//! A real headless Chromium, driven over the `WebDriver` protocol, which is JSON over HTTP. Requires Debian's
//! `chromium` and `chromium-driver`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::Client;
use serde_json::{Value, json};

/// The minimum width of a Chromium window; narrower ones are emulated as a phone.
const NARROWEST_WINDOW: u32 = 500;

/// One browser window.
pub struct Browser {
    driver: Child,
    http: Client,
    session: String,
}

impl Browser {
    /// Starts a browser of this size with extra arguments for Chromium.
    pub async fn start(width: u32, height: u32, extra: &[&str]) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromedriver starts: apt-get install chromium chromium-driver");
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_once("successfully on port ")?
                    .1
                    .trim_end_matches('.')
                    .parse::<u16>()
                    .ok()
            })
            .expect("chromedriver prints its port");
        let http = Client::new();
        let size = format!("--window-size={width},{height}");
        let mut args = vec!["--headless=new", "--no-sandbox", "--disable-gpu", &size];
        args.extend(extra);
        let mut options = json!({"args": args});
        if width < NARROWEST_WINDOW {
            let metrics = json!({"width": width, "height": height, "pixelRatio": 2});
            options["mobileEmulation"] = json!({"deviceMetrics": metrics});
        }
        let capabilities =
            json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
        let base = format!("http://127.0.0.1:{port}/session");
        let answer: Value =
            http.post(&base).json(&capabilities).send().await.unwrap().json().await.unwrap();
        let id = answer["value"]["sessionId"].as_str();
        let id = id.unwrap_or_else(|| panic!("a session starts: {answer}"));
        Self { driver, http, session: format!("{base}/{id}") }
    }

    async fn post(&self, command: &str, body: Value) -> Value {
        let url = format!("{}/{command}", self.session);
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["value"].get("error"), None, "{command}: {answer}");
        answer["value"].clone()
    }

    /// Opens the URL and waits until the page is loaded.
    pub async fn open(&self, url: &str) {
        self.post("url", json!({"url": url})).await;
    }

    /// Runs a script as a function's body and returns what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.post("execute/sync", json!({"script": script, "args": []})).await
    }

    /// Like [`Browser::run`], for a script that passes its result to its last argument.
    pub async fn run_async(&self, script: &str) -> Value {
        self.post("execute/async", json!({"script": script, "args": []})).await
    }

    /// Presses keys.
    pub async fn press(&self, keys: &str) {
        let actions: Vec<_> = keys
            .chars()
            .flat_map(|key| {
                [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
            })
            .collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.post("actions", json!({"actions": [keyboard]})).await;
    }

    /// Clicks on the first element that the CSS selector finds, and waits for the page that it leads to.
    pub async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.post(&format!("element/{element}/click"), json!({})).await;
    }

    /// Chooses a file in an input, by the input's id.
    pub async fn choose_file(&self, id: &str, path: &str) {
        let element = self.find(&format!("#{id}")).await;
        self.post(&format!("element/{element}/value"), json!({"text": path})).await;
    }

    async fn find(&self, selector: &str) -> String {
        /// The name of the field with an element's id (section 12.1 of the W3C recommendation).
        const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
        let query = json!({"using": "css selector", "value": selector});
        let found = self.post("element", query).await;
        found[ELEMENT].as_str().expect("an element has an id").to_owned()
    }

    /// Returns what the browser shows, as a PNG in base64.
    pub async fn screenshot(&self) -> String {
        let url = format!("{}/screenshot", self.session);
        let answer: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        answer["value"].as_str().unwrap().to_owned()
    }

    /// Closes the window.
    pub async fn quit(self) {
        self.http.delete(&self.session).send().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
