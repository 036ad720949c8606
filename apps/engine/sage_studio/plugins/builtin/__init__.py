"""The node types that come with the product, a folder per category, a file per node."""

from __future__ import annotations

from sage_studio.plugins.builtin.ai.agent import Agent
from sage_studio.plugins.builtin.ai.embedder import Embedder
from sage_studio.plugins.builtin.ai.extractive_answer import ExtractiveAnswer
from sage_studio.plugins.builtin.ai.image_generator import ImageGenerator
from sage_studio.plugins.builtin.ai.llm import Llm
from sage_studio.plugins.builtin.ai.llm_classifier import LlmClassifier
from sage_studio.plugins.builtin.ai.llm_extractor import LlmExtractor
from sage_studio.plugins.builtin.ai.mcp_tool import McpTool
from sage_studio.plugins.builtin.ai.rag_chain import RagChain
from sage_studio.plugins.builtin.ai.reranker import Reranker
from sage_studio.plugins.builtin.ai.retriever import Retriever
from sage_studio.plugins.builtin.ai.sage_agent import SageAgent
from sage_studio.plugins.builtin.ai.sage_pipeline import SagePipeline
from sage_studio.plugins.builtin.ai.sage_retriever import SAGERetrieverNode
from sage_studio.plugins.builtin.ai.sentiment import Sentiment
from sage_studio.plugins.builtin.ai.speech_to_text import SpeechToText
from sage_studio.plugins.builtin.ai.vector_writer import VectorWriter
from sage_studio.plugins.builtin.control.if_else import IfElse
from sage_studio.plugins.builtin.control.loop_for import LoopFor
from sage_studio.plugins.builtin.control.loop_while import LoopWhile
from sage_studio.plugins.builtin.control.map_each import MapEach
from sage_studio.plugins.builtin.control.merge import Merge
from sage_studio.plugins.builtin.control.parallel import Parallel
from sage_studio.plugins.builtin.control.stop import Stop
from sage_studio.plugins.builtin.control.sub_flow import SubFlow
from sage_studio.plugins.builtin.control.switch import Switch
from sage_studio.plugins.builtin.control.try_catch import TryCatch
from sage_studio.plugins.builtin.control.wait import Wait
from sage_studio.plugins.builtin.output.api_response import ApiResponse
from sage_studio.plugins.builtin.output.email_send import EmailSend
from sage_studio.plugins.builtin.output.file_writer import FileWriter
from sage_studio.plugins.builtin.output.kafka_produce import KafkaProduce
from sage_studio.plugins.builtin.output.mongodb_write import MongodbWrite
from sage_studio.plugins.builtin.output.mqtt_publish import MqttPublish
from sage_studio.plugins.builtin.output.notify import Notify
from sage_studio.plugins.builtin.output.object_storage_write import ObjectStorageWrite
from sage_studio.plugins.builtin.output.rabbitmq_publish import RabbitmqPublish
from sage_studio.plugins.builtin.output.redis_stream_add import RedisStreamAdd
from sage_studio.plugins.builtin.output.sms_send import SmsSend
from sage_studio.plugins.builtin.output.sql_write import SqlWrite
from sage_studio.plugins.builtin.output.webhook_call import WebhookCall
from sage_studio.plugins.builtin.processing.csv_parser import CsvParser
from sage_studio.plugins.builtin.processing.data_dedupe import DataDedupe
from sage_studio.plugins.builtin.processing.data_filter import DataFilter
from sage_studio.plugins.builtin.processing.data_flatten import DataFlatten
from sage_studio.plugins.builtin.processing.data_group import DataGroup
from sage_studio.plugins.builtin.processing.data_join import DataJoin
from sage_studio.plugins.builtin.processing.data_map import DataMap
from sage_studio.plugins.builtin.processing.data_reduce import DataReduce
from sage_studio.plugins.builtin.processing.data_sort import DataSort
from sage_studio.plugins.builtin.processing.html_parser import HtmlParser
from sage_studio.plugins.builtin.processing.image_extractor import ImageExtractor
from sage_studio.plugins.builtin.processing.json_parser import JsonParser
from sage_studio.plugins.builtin.processing.pdf_parser import PdfParser
from sage_studio.plugins.builtin.processing.regex_extract import RegexExtract
from sage_studio.plugins.builtin.processing.set_fields import SetFields
from sage_studio.plugins.builtin.processing.stream_batch import StreamBatch
from sage_studio.plugins.builtin.processing.stream_take import StreamTake
from sage_studio.plugins.builtin.processing.stream_window import StreamWindow
from sage_studio.plugins.builtin.processing.table_extractor import TableExtractor
from sage_studio.plugins.builtin.processing.table_sql import TableSql
from sage_studio.plugins.builtin.processing.template_text import TemplateText
from sage_studio.plugins.builtin.processing.text_splitter import TextSplitter
from sage_studio.plugins.builtin.processing.validator import Validator
from sage_studio.plugins.builtin.processing.xml_parser import XmlParser
from sage_studio.plugins.builtin.service import SERVICE_NODES
from sage_studio.plugins.builtin.source.file_reader import FileReader
from sage_studio.plugins.builtin.source.graphql_request import GraphqlRequest
from sage_studio.plugins.builtin.source.http_request import HttpRequest
from sage_studio.plugins.builtin.source.kafka_consume import KafkaConsume
from sage_studio.plugins.builtin.source.mongodb_find import MongodbFind
from sage_studio.plugins.builtin.source.mqtt_subscribe import MqttSubscribe
from sage_studio.plugins.builtin.source.object_storage_list import ObjectStorageList
from sage_studio.plugins.builtin.source.object_storage_read import ObjectStorageRead
from sage_studio.plugins.builtin.source.rabbitmq_consume import RabbitmqConsume
from sage_studio.plugins.builtin.source.redis_stream_read import RedisStreamRead
from sage_studio.plugins.builtin.source.sql_query import SqlQuery
from sage_studio.plugins.builtin.trigger.file_trigger import FileTrigger
from sage_studio.plugins.builtin.trigger.flow_event_trigger import FlowEventTrigger
from sage_studio.plugins.builtin.trigger.form_trigger import FormTrigger
from sage_studio.plugins.builtin.trigger.manual_trigger import ManualTrigger
from sage_studio.plugins.builtin.trigger.schedule_trigger import ScheduleTrigger
from sage_studio.plugins.builtin.trigger.webhook_trigger import WebhookTrigger
from sage_studio.plugins.builtin.utility.compress import Compress
from sage_studio.plugins.builtin.utility.crypto_hash import CryptoHash
from sage_studio.plugins.builtin.utility.date_time import DateTime
from sage_studio.plugins.builtin.utility.debounce import Debounce
from sage_studio.plugins.builtin.utility.error_handler import ErrorHandler
from sage_studio.plugins.builtin.utility.human_approval import HumanApproval
from sage_studio.plugins.builtin.utility.javascript_function import JavascriptFunction
from sage_studio.plugins.builtin.utility.logger import Logger
from sage_studio.plugins.builtin.utility.python_function import PythonFunction
from sage_studio.plugins.builtin.utility.rate_limit import RateLimit
from sage_studio.plugins.builtin.utility.variable_get import VariableGet
from sage_studio.plugins.builtin.utility.variable_set import VariableSet
from sage_studio.sdk import Node

BUILTIN_NODES: tuple[type[Node], ...] = (
    ManualTrigger,
    WebhookTrigger,
    ScheduleTrigger,
    FormTrigger,
    FlowEventTrigger,
    FileTrigger,
    FileReader,
    ObjectStorageList,
    ObjectStorageRead,
    HttpRequest,
    GraphqlRequest,
    SqlQuery,
    MongodbFind,
    KafkaConsume,
    RedisStreamRead,
    RabbitmqConsume,
    MqttSubscribe,
    PdfParser,
    TableExtractor,
    ImageExtractor,
    TextSplitter,
    DataFilter,
    DataMap,
    DataReduce,
    DataSort,
    DataGroup,
    DataJoin,
    DataDedupe,
    DataFlatten,
    SetFields,
    TableSql,
    JsonParser,
    XmlParser,
    HtmlParser,
    CsvParser,
    RegexExtract,
    TemplateText,
    Validator,
    StreamWindow,
    StreamBatch,
    StreamTake,
    Embedder,
    VectorWriter,
    Retriever,
    Reranker,
    ExtractiveAnswer,
    Llm,
    LlmClassifier,
    LlmExtractor,
    RagChain,
    Agent,
    McpTool,
    Sentiment,
    ImageGenerator,
    SpeechToText,
    SAGERetrieverNode,
    SagePipeline,
    SageAgent,
    IfElse,
    Switch,
    Merge,
    LoopFor,
    LoopWhile,
    MapEach,
    Parallel,
    TryCatch,
    SubFlow,
    Wait,
    Stop,
    FileWriter,
    ObjectStorageWrite,
    SqlWrite,
    MongodbWrite,
    KafkaProduce,
    RabbitmqPublish,
    RedisStreamAdd,
    MqttPublish,
    EmailSend,
    SmsSend,
    WebhookCall,
    Notify,
    ApiResponse,
    Compress,
    PythonFunction,
    JavascriptFunction,
    VariableSet,
    VariableGet,
    Logger,
    ErrorHandler,
    HumanApproval,
    DateTime,
    CryptoHash,
    RateLimit,
    Debounce,
    *SERVICE_NODES,
)
